/** What users of other supervisors have reported of them, and the tests that show that it does not happen here; see faults.ts. */

import type { Fault } from './faults.js';

const life = 'test/features/process/lifecycle.feature';
const restored = 'test/features/supervision/restore.feature';
const crashes = 'test/features/supervision/crash_detection.feature';
const reloads = 'test/features/lifecycle/reload.feature';
const played = 'test/cli/faults.long.test.ts';

export const reported: readonly Fault[] = [
  {
    fault: 'stopped is said, and somebody survives',
    tests: {
      [life]: ['What an engine has left behind is gone when it is called stopped: <leak>', 'After the end nothing is left'],
      'test/shell/hands.test.ts': ['kills what does not hear SIGTERM, and then says stopped'],
    },
  },
  {
    fault: 'an exit is never heard of',
    tests: {
      'test/shell/launcher.test.ts': ['an exit right after the launch is not lost: the listener is there before the first await'],
      [restored]: [
        'The exit of an adopted engine is noticed; nobody saw how, so it is a failure',
        'An engine that died while nobody watched has crashed, and comes back after its wait',
        'A stop that was cut in half goes on',
      ],
    },
  },
  {
    fault: 'a stop waits for a log to end',
    tests: {
      'test/shell/launcher.test.ts': ['an exit is told when the process ends, not when its output does'],
      'test/up/kernel.test.ts': ['that an engine has ended is told at once, however long it takes to find out why'],
    },
  },
  {
    fault: 'whoever waits for a stop misses a fast restart',
    tests: {
      'test/core/verbs.test.ts': ['has its end though another wish takes its place at once: a stop, then a start (%s)'],
      'test/up/service.test.ts': ['stops by an operation that a client can wait for, and starts again'],
    },
  },
  {
    fault: 'a replica stays stopping for ever',
    tests: {
      'test/core/wishes.test.ts': ['stop asks, kills after the grace, and ends in stuck when nothing helps'],
      'test/core/restore.test.ts': ['and was stuck is looked for on'],
    },
  },
  {
    fault: 'one replica has two engines',
    tests: {
      'test/core/sequences.test.ts': ['holds its invariants over 10,000 random sequences'],
      [restored]: [
        'A torn registry is set aside; engines are found by the logs that they write, none is doubled and none is lost: <left>',
        'A pool that is gone from the inventory has its engine ended, and nothing starts before that is gone',
      ],
    },
  },
  {
    fault: 'what was stopped on purpose is restarted',
    tests: {
      'test/core/wishes.test.ts': [
        'an exit that we asked for is no crash',
        'stop during backoff and before the spawn launches nothing more',
      ],
      [crashes]: ['A stop is no crash, whatever the engine says on its way out'],
      [restored]: ['What an operator stopped stays stopped, what is named now is started'],
    },
  },
  {
    fault: 'a reload claims success over an engine that does not serve',
    tests: {
      'test/core/reload.test.ts': ['is done only when the new engine has been healthy for min_healthy'],
      [reloads]: ['A model with which the engine does not start is rolled back, and the rest was never touched'],
    },
  },
  {
    fault: 'probes kill an engine that is only busy',
    tests: {
      'test/shell/living.test.ts': [
        'an engine whose health hangs while it serves a request is borne, and one that closes its port is not',
      ],
      'test/shell/probing.test.ts': [
        'sees the work of an engine whose /health hangs',
        'does not hold it against an engine that all its slots are busy',
      ],
    },
  },
  {
    fault: 'a pause of the supervisor kills healthy engines',
    tests: {
      'test/cli/stall.test.ts': ['restarts nobody for what it missed: neither who served, nor who was sick, nor who loaded'],
      'test/shell/probes.test.ts': ['a loop that really hung in the middle of a probe, and was back in time for its end'],
    },
  },
  {
    fault: 'the supervisor dies of the logs that it reads',
    tests: {
      'test/cli/flood.test.ts': [
        'is bounded in memory, answers, and loses no line but in the instants in which a log is emptied',
      ],
      'test/shell/tail.test.ts': [
        'more than that is read in slices, and more than 32 MiB without its middle, whose lines are counted',
      ],
    },
  },
  {
    fault: 'an engine hangs on a pipe of its supervisor',
    tests: {
      'test/shell/launcher.test.ts': [
        'a process of its own session and group, with nothing open but /dev/null and its log, whatever we were started with',
        'an engine whose log cannot be opened runs without one, and that is told until it has one again',
      ],
    },
  },
  {
    fault: 'the health of a wrapper is taken for that of the server',
    tests: {
      'test/shell/listener.test.ts': ['the engine itself, a worker of it that has left the group, a stranger, and nobody'],
      [played]: ['a restart through a chain of wrappers ends the server at its end, and the next one gets the port'],
    },
  },
  {
    fault: 'an unfinished operation is done again by the next supervisor',
    tests: {
      [restored]: ['An operation that was cut in half is told of as interrupted'],
      [reloads]: ['A supervisor that is killed in the middle leaves the old model to the next one'],
      'test/core/reload.test.ts': ['after the commit: the new model stays, with its engines, through another death as well'],
    },
  },
  {
    fault: 'orphans hold the memory of a GPU',
    tests: {
      'test/core/release.test.ts': [
        'waits while that engine is still listed, and looks every half second',
        'waits for as much as the pool needs, and names who has it',
      ],
      'test/features/placement/vram.feature': [
        'A launch waits until the driver has given back what the last engine had',
        'A replica that needs 9 GiB where 6 are free waits, names who holds the memory, and starts by itself when it is free',
      ],
    },
  },
];
