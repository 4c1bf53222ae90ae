/** Reloads broken on purpose, one way after another; see mutants.mjs. */

const core = (file, from, to) => ({ file: `src/core/${file}.ts`, from, to });

export const reloadMutants = [
  {
    name: 'a reload touches its pool before its model is verified',
    edits: [core('reload-moves', 'reload === null || (!reload.verified && reload.failure === null)', 'reload === null')],
  },
  {
    name: 'a reload goes on with a model that is not there',
    edits: [core('reloading', 'const inTheWay = obstacle ?? unfit(', 'const inTheWay = unfit(')],
  },
  {
    name: 'a reload goes on with a model that could never fit',
    edits: [core('reloading', 'obstacle ?? unfit(pool, found, work.state)', 'obstacle ?? null')],
  },
  {
    name: 'a reload to the same model is one all the same',
    edits: [core('reloading', 'const same = pool.spec.model === chosen.model &&', 'const same = false &&')],
  },
  {
    name: 'two reloads of a pool run beside each other',
    edits: [core('reloading', 'if (rival !== undefined) return inProgress(', 'if (rival === null) return inProgress(')],
  },
  {
    name: 'a rolling reload takes all at once',
    edits: [core('reload-moves', "const waits = busy && reload.strategy === 'rolling'", 'const waits = false')],
  },
  {
    name: 'a reload cuts leases off at its deadline',
    edits: [
      core(
        'drain',
        'return drain(replica, { deadlineMs: drainMs, extend: false, yields: true }',
        'return drain(replica, { deadlineMs: drainMs, extend: false }',
      ),
    ],
  },
  {
    name: 'a reload gives up who has nothing to wait for',
    edits: [core('reloading', 'if (key !== undefined) endIdle(work, key);', '')],
  },
  {
    name: 'a reload drains for ever',
    edits: [core('reload-moves', "life.state === 'draining' && now >= life.deadline", "life.state === 'stuck' && now < 0")],
  },
  {
    name: 'a reload is done when the first replica has the new model',
    edits: [
      core(
        'reload',
        "verified && places.every(({ stage }) => stage === 'switched')",
        "verified && places.some(({ stage }) => stage === 'switched')",
      ),
    ],
  },
  {
    name: 'a replica that was switched may fail unnoticed',
    edits: [
      core(
        'reload-moves',
        'const failure = failureAfter(place, replica);',
        'const failure = failureAfter(place, replica) && null;',
      ),
    ],
  },
  {
    name: 'a launch that two supervisors look for in turn is taken for the present one',
    edits: [core('record', '{ ...intent, entry: entry ?? intent.entry }', 'intent')],
  },
  {
    name: 'a new engine is ready before it has been healthy for long enough',
    edits: [core('work', 'isOnTrial(pool, key) ? specFor(pool, key).reload.minHealthyMs : 0', '0')],
  },
  {
    name: 'a rollback launches the new model',
    edits: [
      core(
        'reload',
        "|| stage === 'launching' || stage === 'switched';",
        "|| stage === 'launching' || stage === 'returning' || stage === 'switched';",
      ),
    ],
  },
  {
    name: 'a rollback leaves those alone that have the new model',
    edits: [core('reload-moves', "      if (life.state === 'draining') return to('emptying');", "      return to('returned');")],
  },
  {
    name: 'a rollback launches who did not run before',
    edits: [core('reload-moves', 'return before.life === null\n', 'return before.life !== undefined\n')],
  },
  {
    name: 'a crashed replica with the new model is launched with it again, while others go back',
    edits: [
      core(
        'reload-moves',
        "return failure !== null && stage === 'switched' && !isServing(life);",
        'return failure !== null && isServing(life) && stage === null;',
      ),
    ],
  },
  {
    name: 'a rollback cuts the drain of one that has the new model',
    edits: [
      core(
        'reload-moves',
        "      if (life.state === 'draining') return to('emptying');",
        "      if (life.state === 'draining') return to('emptying', { fact: { type: 'stop' } });",
      ),
    ],
  },
  {
    name: 'a replica that drains for good is switched with its old engine',
    edits: [
      core(
        'reload-moves',
        "if (goal === 'down' && (isLaunching(life) || (isLive(life) && life.state !== 'stuck'))) return null;",
        '',
      ),
    ],
  },
  {
    name: 'a stop does not cancel a reload',
    edits: [core('requests', '...(pool.reload === null\n', '...(pool.reload !== undefined\n')],
  },
  {
    name: 'who is stopped in a reload comes back with the old model',
    edits: [core('requests', 'new Set(targets.map(({ key }) => key))) } }', 'new Set()) } }')],
  },
  {
    name: 'nobody is told that a cancelled reload goes back',
    edits: [core('step', '  tellBack(work, pool, reload);\n', '')],
  },
  {
    name: 'the registry has the counts of a model that is only tried',
    edits: [core('record', 'const replica = beforeReload(pool, running);', 'const replica = running;')],
  },
  {
    name: 'the next supervisor has the model of the file',
    edits: [
      core(
        'record',
        'override === null ? [] : [[spec.poolId, override]]',
        'override !== undefined ? [] : [[spec.poolId, override]]',
      ),
    ],
  },
  {
    name: 'a model stands above the file after a clean end',
    edits: [core('restore', 'const override = clean ? null : standing(', 'const override = standing(')],
  },
  {
    name: 'a model stands above the file after that names another',
    edits: [
      core(
        'model-choice',
        'return override != null && override.file.model === file.model && override.file.modelDigest === file.modelDigest',
        'return override != null',
      ),
    ],
  },
];
