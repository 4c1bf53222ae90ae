/** Drains broken on purpose, one way after another; see mutants.mjs. */

const core = (file, from, to) => ({ file: `src/core/${file}.ts`, from, to });

export const drainMutants = [
  {
    name: 'the handoff file of a draining engine stays',
    edits: [core('drain', "[{ type: 'remove-handoff', key: replica.key }, { type: 'record' }]", "[{ type: 'record' }]")],
  },
  {
    name: 'a lease is granted by a draining replica',
    edits: [core('lease', "life.state === 'ready' && slotsOf(life) > 0", "life.state !== 'unhealthy' && slotsOf(life) > 0")],
  },
  {
    name: 'nobody is told that a pool drains',
    edits: [core('lease', '  if (draining.length > 0)\n', '  if (draining.length > 1_000)\n')],
  },
  {
    name: 'a drain waits for no lease',
    edits: [core('drain', 'if (leases === 0 && (!asks(spec)', 'if ((!asks(spec)')],
  },
  {
    name: 'a drain waits for no request',
    edits: [core('drain', '(inflight === 0 && fresh)', 'true')],
  },
  {
    name: 'a drain believes what its engine said long ago',
    edits: [core('drain', 'inflight === 0 && fresh', 'inflight === 0')],
  },
  {
    name: 'a drain has no deadline',
    edits: [
      core(
        'drain',
        "return life.state === 'draining' && now >= life.deadline && !life.yields ? 'deadline' : null;",
        'return null;',
      ),
      core('drain', 'if (scene.now < life.deadline || life.yields) return', 'if (scene.now < Number.POSITIVE_INFINITY) return'),
    ],
  },
  {
    name: 'nobody wakes for the deadline of a drain',
    edits: [core('due', 'Math.min(servingAt(life), life.deadline)', 'servingAt(life)')],
  },
  {
    name: 'a second drain puts the deadline off, unasked',
    edits: [core('drain', 'extend ? deadline : Math.min(life.deadline, deadline)', 'deadline')],
  },
  {
    name: 'a drain cannot be extended',
    edits: [core('drain', 'extend ? deadline : Math.min(life.deadline, deadline)', 'Math.min(life.deadline, deadline)')],
  },
  {
    name: 'a drain by force passes for a peaceful one',
    edits: [core('drain', 'return leave(replica, scene.leases > 0 || !known, scene);', 'return leave(replica, false, scene);')],
  },
  {
    name: 'leases that a crash cuts off do not make its drain a forced one',
    edits: [
      core(
        'drain',
        "return intent.kind === 'drained' ? intent.forced : intent.kind !== 'asked' && lost > 0;",
        'return intent.forced;',
      ),
    ],
  },
  {
    name: 'leases that a drain cuts off are not counted',
    edits: [core('operation', 'cut: operation.cut + lost', 'cut: operation.cut')],
  },
  {
    name: 'a start does not call a drain off',
    edits: [core('engine', 'draining: { start: undrain,', 'draining: { start: ignore,')],
  },
  {
    name: 'a start during a drain launches anew',
    edits: [core('engine', 'draining: { start: undrain,', 'draining: { start: end,')],
  },
  {
    name: 'a drain that a start calls off is told as running',
    edits: [core('requests', ": kind === 'stop' || kind === 'drain';", ": kind === 'stop';")],
  },
  {
    name: 'a drain ends with its supervisor',
    edits: [core('resume', "if (replica.goal === 'down' && !drained)", "if (replica.goal === 'down')")],
  },
  {
    name: 'a drain is not written down',
    edits: [core('record', 'resumed: { readyAt, description, rewards, drainBy }', 'resumed: { readyAt, description, rewards }')],
  },
  {
    name: 'the next supervisor drops a drain',
    edits: [core('launching', "replica.goal === 'up' ? turn : andThen(turn, () => drainOn(met, scene))", 'turn')],
  },
  {
    name: 'the next supervisor goes on with a drain that was for a restart',
    edits: [
      core('launching', "replica.goal === 'up' ? turn : andThen(", 'andThen('),
      core('remains', "goal === 'up' ? { ...resumed, drainBy: null } : resumed", 'resumed'),
    ],
  },
  {
    name: 'a restart drains nobody',
    edits: [
      core(
        'requests',
        '[{ type: verb, drainMs: wish.now === true ? null : drainMsOf(wish, spec) }]',
        '[{ type: verb, drainMs: null }]',
      ),
    ],
  },
  {
    name: 'a restart drains only the first',
    edits: [core('step', "{ type: 'restart', drainMs: operation.drainMs }", "{ type: 'restart', drainMs: null }")],
  },
  {
    name: 'a shutdown drains nobody',
    edits: [
      core('requests', "rung === 'drain' ? drain : ({ type: rung } as const)", "{ type: rung === 'kill' ? rung : 'stop' }"),
    ],
  },
];
