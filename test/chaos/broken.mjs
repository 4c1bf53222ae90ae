/**
 * poolctl broken on purpose, one way after another: a run of chaos that cannot fail proves nothing. Each edit replaces a snippet that must be
 * there exactly once.
 */

export const broken = [
  {
    name: 'the stop ladder has no last rung',
    edits: [
      {
        file: 'src/shell/hands.ts',
        from: '      else void processes.killTree(marks(launch, identity));\n',
        to: '',
      },
      {
        file: 'src/shell/processes.ts',
        from: "signalProcess(each, 'SIGKILL') !== 'gone'",
        to: 'stillThere(each)',
      },
      { file: 'src/shell/processes.ts', from: '      if (found.length > 0) leaves.kill(marks.instance);\n', to: '' },
    ],
  },
  {
    name: 'a drain does not wait for leases',
    edits: [
      {
        file: 'src/core/drain.ts',
        from: "  if (leases === 0 && (!asks(spec) || polling.mute || (inflight === 0 && fresh))) return 'idle';",
        to: "  if (!asks(spec) || polling.mute || (inflight === 0 && fresh)) return 'idle';",
      },
    ],
  },
  {
    name: 'the next supervisor forgets the engines of the last',
    edits: [
      {
        file: 'src/core/resume.ts',
        from: 'return sameBoot ? met(replica, life, spec, restoring) : alone(replica);',
        to: 'return alone(replica);',
      },
    ],
  },
  {
    name: 'a promise is given before it is written down',
    edits: [{ file: 'src/up/service.ts', from: '      if (answer.ok) await recorded();\n', to: '' }],
  },
  {
    name: 'nobody looks for who left the group',
    edits: [
      {
        file: 'src/core/ending.ts',
        from: 'effects: [...first, strays, ...turn.effects]',
        to: 'effects: [...first, ...turn.effects]',
      },
    ],
  },
  {
    name: 'a crashed engine is launched again at once',
    edits: [{ file: 'src/core/backoff.ts', from: '  return Math.max(minMs, Math.min(', to: '  return Math.min(0, Math.min(' }],
  },
  {
    name: 'the end of an adopted engine is not noticed',
    edits: [{ file: 'src/shell/adoption.ts', from: '      if (isAlive(identity)) continue;', to: '      continue;' }],
  },
  {
    name: 'one lease too many is granted',
    edits: [{ file: 'src/core/lease.ts', from: '  if (load(least) >= 1) {', to: '  if (load(least) > 1) {' }],
  },
  {
    name: 'the handoff file outlives its engine',
    edits: [
      {
        file: 'src/core/ending.ts',
        from: "wasReady(replica) ? [{ type: 'remove-handoff', key: replica.key }] : []",
        to: '[]',
      },
    ],
  },
];
