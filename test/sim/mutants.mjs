/**
 * The core broken on purpose, one way after another: a checker that cannot fail proves nothing. Each edit replaces a snippet that must be there
 * exactly once.
 */

import { applyMutants } from './apply-mutants.mjs';
import { drainMutants } from './drain-mutants.mjs';
import { reloadMutants } from './reload-mutants.mjs';

const core = (file, from, to) => ({ file: `src/core/${file}.ts`, from, to });

export const mutants = [
  ...drainMutants,
  ...reloadMutants,
  ...applyMutants,
  {
    name: 'old news is taken for new',
    edits: [core('engine', '  if (isStale(before, fact)) return stay(before);\n', '')],
  },
  {
    name: 'being ready clears the backoff',
    edits: [core('serving', '{ ...replica, lastError: null, provenAt', '{ ...replica, attempt: 0, lastError: null, provenAt')],
  },
  {
    name: 'a half-open breaker goes on launching',
    edits: [core('breaker', '      return open(breaker.failures + 1, breaker.reopenForMs, at);', '      return breaker;')],
  },
  {
    name: 'a breaker opens one failure late',
    edits: [core('breaker', 'failures < threshold ?', 'failures <= threshold ?')],
  },
  {
    name: 'a breaker that a storm opens stays open, however long its engine is well',
    edits: [core('breakers', 'opens ? closingAnew(before.life, scene) : before.life', 'before.life')],
  },
  {
    name: 'a breaker that reopens does not open for longer',
    edits: [core('breaker', 'breaker.openForMs * extendFactor)', 'breaker.openForMs)')],
  },
  {
    name: 'an engine that is found is launched beside',
    edits: [
      core(
        'resume',
        "effects: [{ type: 'adopt', launch, identity }], events: [] };\n}\n\n/** Loading",
        'effects: [], events: [] };\n}\n\n/** Loading',
      ),
    ],
  },
  {
    name: 'an engine that was recorded is forgotten',
    edits: [core('resume', 'return sameBoot ? met(replica, life, spec, restoring) : alone(replica);', 'return alone(replica);')],
  },
  {
    name: 'a launch that was written down is not looked for',
    edits: [
      core(
        'resume',
        'return sameBoot ? sought(replica, life.intent, life.cause, spec, restoring) : alone(replica);',
        'return alone(replica);',
      ),
    ],
  },
  {
    name: 'the handoff file of an unhealthy engine stays',
    edits: [core('sickness', "[{ type: 'remove-handoff', key: replica.key }, { type: 'record' }]", "[{ type: 'record' }]")],
  },
  {
    name: 'the handoff file of a dead engine stays',
    edits: [core('ending', "wasReady(replica) ? [{ type: 'remove-handoff', key: replica.key }] : []", '[]')],
  },
  {
    name: 'a stop forgets who is left of the tree',
    edits: [core('ending', 'if (left.length === 0 && replica.life.exit !== null)', 'if (replica.life.exit !== null)')],
  },
  {
    name: 'a dead leader is taken for an empty group',
    edits: [core('ending', '  if (!empty) return kill(', '  if (false as boolean) return kill(')],
  },
  {
    name: 'nobody looks for who left the group',
    edits: [core('ending', 'effects: [...first, strays, ...turn.effects]', 'effects: [...first, ...turn.effects]')],
  },
  {
    name: 'a stop never comes to SIGKILL',
    edits: [
      core(
        'ending',
        "if (life.rung === 'term') return escalate(replica, scene);",
        "if (life.rung === 'term') return sweepIfDue(replica, scene);",
      ),
    ],
  },
  {
    name: 'what does not die is waited for, for ever',
    edits: [core('ending', '? giveUp(replica, scene) :', '? sweepIfDue(replica, scene) :')],
  },
  {
    name: 'a record is no barrier',
    edits: [
      { file: 'src/shell/perform.ts', from: "effect.type === 'spawn' ? recorded :", to: "effect.type === 'spawn' ? null :" },
    ],
  },
  {
    name: 'restarts count for no storm',
    edits: [core('work', '    if (replica.restartsTotal > before.restartsTotal) this.countRestart(replica);\n', '')],
  },
  {
    name: 'restarts count for no storm of a device',
    edits: [
      core(
        'work',
        'deviceRestarts: withDeviceRestart(replica, restart, this.state),',
        'deviceRestarts: this.state.deviceRestarts,',
      ),
    ],
  },
  {
    name: 'a storm lets one too many through',
    edits: [core('storm', 'const allowed = limit - pending;', 'const allowed = limit - pending + 1;')],
  },
  {
    name: 'a permanent failure is retried',
    edits: [
      core(
        'rest',
        "  return become({ ...replica, lastError: why }, { state: 'failed', why:",
        "  if (replica.crashCount % 2 === 1) return backOff(replica, 'crash', why, scene);\n  return become({ ...replica, lastError: why }, { state: 'failed', why:",
      ),
    ],
  },
  {
    name: 'what an operator wanted is forgotten',
    edits: [core('resume', 'const goal = asked ? fresh.goal : kept.goal;', 'const goal = fresh.goal;')],
  },
  {
    name: 'a shutdown that is cut short takes what was wanted with it',
    edits: [core('record', 'wanted = shutdown?.goals.get(replica.key) ?? replica.goal;', 'wanted = replica.goal;')],
  },
  {
    name: 'a lifetime counter is lost',
    edits: [core('restore', '    crashesTotal: kept.crashesTotal,\n', '')],
  },
  {
    name: 'an ordered restart is not written down',
    edits: [core('record', 'const more = isOrderedRestart(life) ? 1 : 0;', 'const more = 0;')],
  },
  {
    name: "another boot's clock is trusted",
    edits: [core('restore', 'const before = sameBoot ? record :', 'const before = record ??')],
  },
  {
    name: "another boot's processes are believed in",
    edits: [
      core(
        'resume',
        'return sameBoot ? met(replica, life, spec, restoring) : alone(replica);',
        'return met(replica, life, spec, restoring);',
      ),
    ],
  },
  {
    name: 'waits and breakers end with their supervisor',
    edits: [
      core('resume', "return goal === 'up' && !changed ? alone(replica, life) : alone(replica);", 'return alone(replica);'),
    ],
  },
  {
    name: 'a probe that could not be judged is a miss',
    edits: [
      core('serving', "  if (result.verdict === 'unknown') return stay({ ...replica, life: { ...life, probing } });\n", ''),
    ],
  },
  {
    name: 'GPU errors wait no longer than others',
    edits: [core('rest', 'isOfGpu(of) ? backoff.cudaMultiplier : 1', '1')],
  },
  {
    name: 'whoever answers is the engine',
    edits: [core('startup', "if (result.verdict === 'ok' && ours) {", "if (result.verdict === 'ok') {")],
  },
  {
    name: 'engines without a place hold nobody back',
    edits: [core('gate', '  if (gone.length > 0) {', '  if (gone.length > 1_000) {')],
  },
  {
    name: 'a shutdown ends while engines live',
    edits: [
      core('step', "state === 'stopped' || state === 'stuck' || state === 'failed'", "state !== 'ready'"),
      core('step', "  if (operation === undefined || operation.state === 'running') return;\n", ''),
    ],
  },
  {
    name: 'launches in progress claim no memory',
    edits: [core('vram', '      if (bytes > 0) claims.push({ key: other.key, bytes });\n', '')],
  },
  {
    name: 'too little memory keeps nobody back',
    edits: [
      core(
        'launching',
        '  if (means.value.short !== null) return obstruct(replica, hindranceOf(means.value.short), scene);\n',
        '',
      ),
    ],
  },
  {
    name: 'a place takes no heed of what another had on its devices',
    edits: [core('release', '(instance !== null && !(share && spec.share))', '(instance === null && !(share && spec.share))')],
  },
  {
    name: 'an engine that still holds its memory is followed at once',
    edits: [core('release', '  if (listed.length > 0) {', '  if (listed.length > 1_000) {')],
  },
  {
    name: 'what a neighbour has loaded is not looked at before the next launch',
    edits: [core('release', '  if (changed !== null) return changed;\n', '')],
  },
  {
    name: 'a sick device is launched on',
    edits: [core('means', '    if (ailment === null) continue;', '    continue;')],
  },
  {
    name: 'a lease is granted beyond the slots',
    edits: [core('lease', '  if (load(least) >= 1) {', '  if (load(least) > 1) {')],
  },
  {
    name: 'a lease is granted by an unhealthy replica',
    edits: [core('lease', "life.state === 'ready' && slotsOf(life) > 0", 'slotsOf(life) > 0')],
  },
  {
    name: 'a lease is granted on the way down',
    edits: [core('lease', 'if (state.shutdown !== null) return refused', 'if (false as boolean) return refused')],
  },
  {
    name: 'a lease goes to whom has most to do',
    edits: [core('lease', '(load(other) < load(one) ? other : one)', '(load(other) > load(one) ? other : one)')],
  },
  {
    name: "a lease survives its engine's crash",
    edits: [
      core(
        'work',
        'if (isServing(before.life) && !isServing(replica.life))',
        "if (isServing(before.life) && replica.life.state === 'stopping')",
      ),
    ],
  },
  {
    name: 'a lease is lost while its engine is unhealthy',
    edits: [core('work', '&& !isServing(replica.life))', "&& replica.life.state !== 'ready')")],
  },
  {
    name: 'an expired lease stays',
    edits: [
      core('step', '  work.changeLeases(expire(work.state.leases, work.context.now));\n', ''),
      core('due', 'Math.min(lookAt(state), nextExpiry(state.leases))', 'lookAt(state)'),
    ],
  },
  {
    name: 'nobody wakes for a lease that expires',
    edits: [core('due', 'Math.min(lookAt(state), nextExpiry(state.leases))', 'lookAt(state)')],
  },
  {
    name: 'a lease is renewed after its time',
    edits: [core('step', '      endLeases(work);\n      const', '      const')],
  },
  {
    name: 'a renewal does not extend a lease',
    edits: [
      core(
        'lease',
        'const lease = { ...before, ttlMs, expiresAt: later(context, ttlMs) };',
        'const lease = { ...before, ttlMs };',
      ),
    ],
  },
  {
    name: 'a lease that is given back stays',
    edits: [core('lease', '  const left = without(leases, [lease]);', '  const left = without(leases, []);')],
  },
  {
    name: 'leases of a dead supervisor are lost, and nobody is told',
    edits: [core('restore', '...lostLeases(before), ', '')],
  },
  {
    name: 'leases are not written down',
    edits: [core('record', 'leases: [...state.leases.values()],', 'leases: [],')],
  },
  {
    name: 'a lease outlives its supervisor',
    edits: [
      core(
        'restore',
        '      leftovers: sameBoot ?',
        '      leases: new Map((before.leases ?? []).map((lease) => [lease.id, lease])),\n      leftovers: sameBoot ?',
      ),
    ],
  },
];
