/** Applies broken on purpose, one way after another; see mutants.mjs. */

const core = (file, from, to) => ({ file: `src/core/${file}.ts`, from, to });

export const applyMutants = [
  {
    name: 'an apply touches pools that have not changed',
    edits: [core('apply', "changes.length === 0 ? 'keep' :", "changes.length === 0 ? 'restart' :")],
  },
  {
    name: 'an apply restarts a pool of which only policies have changed',
    edits: [core('apply', 'changes.every(({ key }) => changesLive(key))', 'changes.length < 0')],
  },
  {
    name: 'an apply changes live what only a launch can change',
    edits: [core('apply', 'changes.every(({ key }) => changesLive(key))', 'changes.length > 0')],
  },
  {
    name: 'policies that have changed count from the next launch on',
    edits: [core('applying', '(replica) => withNewPolicies(replica, to, polls, context.now)', '(replica) => replica')],
  },
  {
    name: 'policies that have changed do not count for launches that are under way',
    edits: [
      core(
        'live-update',
        "if (life.state === 'preparing' && life.phase !== 'queued') return { ...replica, life: ordered(life, to) };",
        '',
      ),
    ],
  },
  {
    name: 'policies that have changed count for engines that run alone',
    edits: [core('applying', '        spec: to,\n        override,', '        spec: before.spec,\n        override,')],
  },
  {
    name: 'an engine is probed at the interval of before',
    edits: [core('live-update', 'intervalMs === before.health.intervalMs ? of.at :', 'intervalMs !== 0 ? of.at :')],
  },
  {
    name: 'an engine is asked for its health by the entry that its pool is on its way to',
    edits: [core('work', 'spec: specOf(pool, before),', 'spec: specFor(pool, key),')],
  },
  {
    name: 'a pool that is gone is stopped, and not drained',
    edits: [
      core(
        'applying',
        "work.turn(key, { type: 'drain', deadlineMs: pool.spec.drain.deadlineMs, extend: false });",
        "work.turn(key, { type: 'stop' });",
      ),
    ],
  },
  {
    name: 'a pool that is gone is drained for as long as that takes',
    edits: [core('applying', 'deadlineMs: pool.spec.drain.deadlineMs, extend', 'deadlineMs: 86_400_000, extend')],
  },
  {
    name: 'a pool that is gone is kept for ever',
    edits: [
      core('applying', 'if (pool.retiring && pool.replicas.every(isLeft))', 'if (pool.retiring && pool.replicas.length > 99)'),
    ],
  },
  {
    name: 'a pool that is gone is forgotten before its engines have ended',
    edits: [core('applying', 'if (pool.retiring && pool.replicas.every(isLeft))', 'if (pool.retiring)')],
  },
  {
    name: 'a pool that is gone can be wanted up again',
    edits: [
      core('requests', 'if (pool.retiring && wantsUp(verb)) return', 'if (pool.retiring && verb === null) return'),
      core('reloading', "return pool.retiring ? onItsWayOut('reload', poolId) : null;", 'return null;'),
      core('requests', "(wantsUp(verb) && (kind === 'reload' || kind === 'apply'))", "(wantsUp(verb) && kind === 'reload')"),
    ],
  },
  {
    name: 'a place that comes back begins its incarnations anew',
    edits: [core('initial', 'return { ...replica, ...retired[replica.key], goal,', 'return { ...replica, goal,')],
  },
  {
    name: 'a mask that is taken away leaves its engine behind',
    edits: [
      core(
        'reload-moves',
        "return { reload: moved(reload, { ...place, stage: 'draining' }), fact };",
        "return { reload: moved(reload, { ...place, stage: 'switched' }), fact: fact.extend ? fact : null };",
      ),
    ],
  },
  {
    name: 'a replica whose mask moves stays where it was',
    edits: [core('reload-moves', 'return { ...replica, mask, port, portProven', 'return { ...replica, port, portProven')],
  },
  {
    name: 'a replica that goes back stays on its new mask',
    edits: [
      core(
        'reload-moves',
        'const asBefore = { ...replica, ...before.earned, ...before.place,',
        'const asBefore = { ...replica, ...before.earned,',
      ),
    ],
  },
  {
    name: 'a replica that moves does not wait until its neighbour has left',
    edits: [core('gate', 'if (what !== null) yield {', 'if (what === null) continue;\n      if (what.length > 99) yield {')],
  },
  {
    name: 'a restart that goes back keeps the new entry',
    edits: [
      core(
        'reloading',
        "if (end === 'reloaded') commit(work, pool, reload);\n  else work.putPool({ ...pool, reload: null });",
        'commit(work, pool, reload);',
      ),
    ],
  },
  {
    name: 'an apply is accepted beside a reload',
    edits: [core('applying', "kind === 'apply' || kind === 'reload' ||", "kind === 'apply' ||")],
  },
  {
    name: 'an apply ends before its restarts have',
    edits: [
      core('applying', 'apply.restarts.every(({ end }) => end !== null) &&', 'apply.restarts.some(({ end }) => end !== null) &&'),
    ],
  },
  {
    name: 'an apply of which a pool went back is told as applied',
    edits: [
      core(
        'applying',
        "restarts.filter(({ end }) => end !== 'reloaded');",
        "restarts.filter(({ end }) => end === 'rollback_failed');",
      ),
    ],
  },
  {
    name: 'an apply that is done goes on',
    edits: [core('applying', '  if (over) finish(', '  if (over && steps.length > 99) finish(')],
  },
];
