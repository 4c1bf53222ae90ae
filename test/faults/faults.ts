/**
 * What has brought other supervisors down, or made them lie, and the tests that show that it does not happen here. Who finds another fault of that kind adds it, with its test;
 * who renames a test renames it here.
 */

export type Fault = {
  readonly fault: string;
  /** By file, titles as they are written there: of a test, or of a scenario. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
};

const life = 'test/features/process/lifecycle.feature';
const restored = 'test/features/supervision/restore.feature';
const crashes = 'test/features/supervision/crash_detection.feature';
const drains = 'test/features/lifecycle/drain.feature';
const reloads = 'test/features/lifecycle/reload.feature';
const launches = 'test/features/preload/lifecycle.feature';
const played = 'test/cli/faults.long.test.ts';

/** Of processes, files, clocks and readers. */
export const faults: readonly Fault[] = [
  {
    fault: 'the supervisor is killed while engines run',
    tests: {
      [restored]: [
        'Engines outlive a killed supervisor, and the next one takes them over with their counts',
        'An engine whose entry of the inventory has changed is ended in order before its successor starts',
        'With adopt false the engines that are left are ended first',
      ],
    },
  },
  {
    fault: 'the leader ends on SIGTERM, and a member of its group does not',
    tests: {
      'test/shell/processes.test.ts': ['a group member that ignores TERM outlives its leader, is seen, and is killed'],
      'test/shell/hands.test.ts': ['finds and ends a member that outlives its leader, in the group or out of it'],
      [life]: ['Workers that ignore SIGTERM go with their engine'],
    },
  },
  {
    fault: 'a grandchild leaves the group for a session of its own',
    tests: {
      [life]: [
        'What an engine has left behind is gone when it is called stopped: <leak>',
        'What a dead engine has left in a session of its own is found by its mark',
      ],
      'test/host/tree.test.ts': ['a grandchild with a session of its own, after its parent has gone, by the instance'],
    },
  },
  {
    fault: 'SIGTERM comes while an engine warms up, and its workers are orphaned',
    tests: { [played]: ['a stop while an engine warms up, before it heeds signals, takes the workers along that it has forked'] },
  },
  {
    fault: 'a chain of wrappers hides the server',
    tests: { [played]: ['a restart through a chain of wrappers ends the server at its end, and the next one gets the port'] },
  },
  {
    fault: 'a zombie is taken for alive',
    tests: { 'test/host/proc.test.ts': ['a zombie is dead, although a signal still reaches its number'] },
  },
  {
    fault: 'an orphan on the same port answers for the new engine',
    tests: {
      [launches]: [
        "Somebody else's healthy answer makes no engine ready",
        'A port that somebody holds is waited for, its holder is named, and the engine starts by itself when it is free',
      ],
    },
  },
  {
    fault: 'a pid is used again by a stranger',
    tests: {
      [restored]: ["A stranger that has the engine's number by now is not touched"],
      'test/shell/processes.test.ts': ['a number with another start time is never signalled'],
      'test/shell/leftovers.test.ts': ['a stranger under a recorded number is left alone'],
    },
  },
  {
    fault: 'news of an earlier process of a replica comes late',
    tests: {
      'test/core/machine.test.ts': ['old news of a dead engine does not touch its successor'],
      'test/core/sequences.test.ts': ['holds its invariants over 10,000 random sequences'],
    },
  },
  {
    fault: 'the process of a restart cannot be made',
    tests: {
      'test/shell/launcher.test.ts': [
        'never begun, and why: %s',
        'the limits of the process itself are told apart: too many files, too many processes',
      ],
      [life]: ['A launch that the kernel refuses is an end with its reason, and not tried again'],
    },
  },
  {
    fault: 'an output is held open after the exit',
    tests: { 'test/shell/launcher.test.ts': ['an exit is told when the process ends, not when its output does'] },
  },
  {
    fault: 'an engine floods its log',
    tests: {
      'test/cli/flood.test.ts': [
        'is bounded in memory, answers, and loses no line but in the instants in which a log is emptied',
      ],
    },
  },
  {
    fault: 'the disk is full or read-only, the directory or the log is deleted',
    tests: {
      'test/cli/storage.long.test.ts': [
        'that is full: engines are restarted, drained and stopped, and status says what is not saved',
        'that is full when a supervisor begins: it takes over what runs, and its name is written when there is room',
        'that took neither the registry nor a log: an engine that nobody wrote down is found by where it works, and not doubled',
        'that becomes read-only: the same',
        'that is deleted under it: it is made again, with all that ought to lie there, and nobody else gets it',
        'that is deleted and cannot be made again: engines go on, and are brought back; the next supervisor adopts them when it could be',
      ],
      [played]: [
        'a log that is deleted in the middle of a flood holds up nobody; that it is lost is told, until the next launch',
      ],
    },
  },
  {
    fault: 'the supervisor itself stands still for a while',
    tests: {
      'test/cli/stall.test.ts': ['restarts nobody for what it missed: neither who served, nor who was sick, nor who loaded'],
    },
  },
  {
    fault: 'the machine sleeps and wakes up',
    tests: {
      'test/core/freshness.test.ts': [
        'a startup deadline that passed meanwhile is not held against the engine before a fresh probe',
        'an engine whose patience ran out meanwhile gets a fresh probe, too',
      ],
      'test/shell/token.test.ts': ['what was missed over a stall or a sleep says nothing'],
    },
  },
  {
    fault: 'the clock is set',
    tests: {
      'test/core/wall-clock.test.ts': [
        'a clock that is set, by seconds or by days, back or forth, changes nothing of what is done and when',
      ],
    },
  },
  {
    fault: 'many replicas die of one cause',
    tests: {
      'test/core/storms.test.ts': ['of eight replicas that die at once are no storm, open nothing, and are spread by chance'],
      'test/features/supervision/restart_storm.feature': [
        "The limit is raised to the pool's size, so that one common cause is no storm",
        'Restarts of several pools on one device are a storm of the device; engines elsewhere go on',
      ],
      'test/features/supervision/backoff.feature': ['Jitter spreads the waits of those who died together, within its bounds'],
    },
  },
  {
    fault: 'a loop of crashes is slower than what forgets them',
    tests: {
      'test/features/supervision/backoff.feature': [
        'An engine that dies soon after each time that it was ready waits longer and longer',
      ],
      'test/core/machine.test.ts': ['does not reset its backoff merely by being ready, but by staying so'],
    },
  },
  {
    fault: 'a failure that waiting cannot mend is tried again and again',
    tests: {
      [launches]: ['What waiting cannot mend fails at once, and says what to do: <what>'],
      [crashes]: [
        "A flag that the engine does not know is not tried twice, and the engine's own line says which",
        'A port that stays in use is tried five times, and its holder is named',
      ],
    },
  },
  {
    fault: 'the kernel kills for want of memory',
    tests: {
      [crashes]: ['An engine that the kernel kills for want of memory is told from others that are killed'],
      'test/up/kernel.test.ts': ['an engine that somebody killed is told from one that the kernel killed for want of memory'],
    },
  },
  {
    fault: 'a stopped process does not hear that it is to end',
    tests: {
      [life]: ['A frozen engine is woken to be stopped'],
      'test/shell/processes.test.ts': ['a stopped group gets its TERM only with the CONT after it'],
    },
  },
  {
    // A process in state D cannot be made to order: what is played is that SIGKILL has no effect.
    fault: 'a process outlives SIGKILL',
    tests: {
      'test/core/wishes.test.ts': ['stop asks, kills after the grace, and ends in stuck when nothing helps'],
      'test/shell/seek.test.ts': ['who outlives SIGKILL does not keep a replica between two launches for ever'],
      'test/shell/leftovers.test.ts': ['who would not die is told as stuck, with who is left'],
    },
  },
  {
    fault: 'a wish comes in an unexpected state, or twice',
    tests: {
      'test/core/verbs.test.ts': ['%s of one that is %s'],
      [life]: ['A stop ends whatever is going on: <what>'],
    },
  },
  {
    fault: 'a drain reaches its deadline, or who asked for it goes away',
    tests: {
      [drains]: ['At its deadline it is over, and what was held is lost', 'Who asked for it may go away'],
      'test/cli/drain.test.ts': ['goes on after Ctrl-C, with more time if it is given that'],
    },
  },
  {
    fault: 'a change is broken, half valid, or never serves',
    tests: {
      'test/features/lifecycle/apply.feature': [
        'A file with errors changes nothing, and all of them are told',
        'What cannot start leaves what ran, in its pool alone',
      ],
      [reloads]: ['A model with which the engine does not start is rolled back, and the rest was never touched'],
    },
  },
  {
    fault: 'a second supervisor begins',
    tests: {
      [life]: ['Of five supervisors one lives, and the others say which'],
      'test/shell/lock.test.ts': [
        'of five who start at once exactly one has it, and the others name it: %s',
        'what is taken away is taken again: directory, lock, and the place of a socket elsewhere; nobody gets in between: %s',
      ],
    },
  },
  {
    fault: "the socket's path is too long",
    tests: {
      'test/host/paths.test.ts': ['a socket path of 107 bytes is used, one of 108 is refused with a hint and exit status 2'],
    },
  },
  {
    fault: 'Ctrl-C twice, a terminal that is closed, SIGTERM of the init system',
    tests: {
      'test/cli/main-job.test.ts': ['SIGHUP reads the inventory anew; SIGTERM twice still ends with 0, and a third kills, 143'],
      [drains]: ['Told twice, it stops its engines at once; told three times, it kills them'],
      [played]: ['a terminal that is closed ends the supervisor that began on it, with its engines, in order'],
    },
  },
  {
    fault: 'the reader of its output goes away, or stalls',
    tests: {
      [played]: ['a reader who goes after the first line (up 2>&1 | head -1) ends no supervisor'],
      'test/cli/stalled-reader.long.test.ts': [
        'events go on, engines are brought back, memory is bounded, and it ends when it is told to: %s',
      ],
    },
  },
  {
    fault: 'readiness flaps',
    tests: {
      'test/features/registry/health.feature': [
        'Fewer misses change nothing',
        'So many misses in a row make an engine unhealthy, and it is well again by itself',
      ],
    },
  },
  {
    fault: 'the loop of the supervisor is held up',
    tests: {
      'test/shell/tail.test.ts': ['a flood does not keep the loop from its work'],
      'test/shell/digests.test.ts': [
        'of a large file leave our loop alone, are worked out once for all who wait, and tell how far they are',
      ],
      'test/telemetry/notify.test.ts': ['is heard of twice in the time that the watchdog waits, until it ends'],
      'test/api/slow.test.ts': ['many half requests, and connections that say nothing, keep nobody else out'],
    },
  },
  {
    fault: 'a crash tears the registry or the journal',
    tests: {
      'test/up/torn.long.test.ts': [
        'a torn registry (every byte, %s) is set aside whole, or used where all of it is there',
        'a torn journal (every byte, %s) has each line that is whole, and takes the next one behind them',
      ],
      'test/up/damaged.long.test.ts': ['wherever it is damaged, a supervisor begins, shows what is, and goes on'],
      [restored]: [
        'A torn registry is set aside; engines are found by the logs that they write, none is doubled and none is lost: <left>',
      ],
    },
  },
];
