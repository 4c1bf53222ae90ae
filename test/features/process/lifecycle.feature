Feature: From an engine's start to its end, and back
  An engine that dies is noticed by its death and brought back after a while. One that is to stop is gone when it is called stopped,
  with everything that it has started.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 250ms }
      restart: { backoff: { initial: 100ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3011
  Scenario: A killed engine waits with its reason, comes back in a new process, and is counted
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    When the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes backoff, told with:
      | backoff_ms      | 100                       |
      | attempt         | 1                         |
      | crash_count     | 1                         |
      | next_restart_at | a time                    |
      | reason          | /^killed by SIGKILL after / |
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | restart_count    | 1      |
      | restarts_total   | 1      |
      | crash_count      | 1      |
      | crashes_total    | 1      |
      | incarnation      | 2      |
      | last_crash_at    | a time |
      | last_exit.signal | SIGKILL |
      | last_error       | null   |
    And chat/r0 has gone through "starting, ready, backoff, preparing, starting, ready"
    And chat/r1 still runs in its first process
    And the pool "chat" shows:
      | restart_count | 1     |
      | crash_count   | 1     |
      | state         | ready |

  @OC-POOL-3011
  Scenario: While it waits it is neither live nor ready, and nobody is sent to it
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu], restart: { backoff: { initial: 5m, max: 5m } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes backoff
    Then chat/r0 has no handoff file
    And chat/r0 has no pid file
    And chat/r0 shows:
      | live                    | false                                            |
      | ready                   | false                                            |
      | goal                    | up                                               |
      | pid                     | null                                             |
      | url                     | null                                             |
      | slots_free              | 0                                                |
      | backoff.delay_ms        | 300000                                           |
      | backoff.attempt         | 1                                                |
      | backoff.next_restart_at | a time                                           |
      | why                     | /^killed by SIGKILL after .*; try 2 in /         |
      | last_error              | /^killed by SIGKILL after /                      |
      | last_exit.code          | null                                             |
      | last_exit.uptime_seconds | a number                                        |
      | last_exit.incarnation   | 1                                                |
    And the pool "chat" shows:
      | state | degraded |
      | live  | true     |
      | ready | true     |
    When I run `poolctl status`
    Then it exits with 3
    And it says something like "chat/r0 +backoff .*killed by SIGKILL"
    When I run `poolctl start chat/r0`
    Then it exits with 0
    And chat/r0 is ready
    And chat/r0 shows:
      | restart_count | 0 |
      | crash_count   | 1 |

  @OC-POOL-3011
  Scenario Outline: Code and signal are kept as the kernel gave them: <order>
    Given the pools:
      """
      chat: { restart: { backoff: { initial: 5m, max: 5m } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "<order>"
    Then chat/r0 becomes backoff
    And chat/r0 shows:
      | last_exit.code        | <code>                |
      | last_exit.signal      | <signal>              |
      | last_exit.restartable | true                  |
      | last_error            | /^<words> after /     |
    And there is an event "replica.crashed" with:
      | pool_id        | chat     |
      | replica_id     | r0       |
      | engine_version | demo-1   |
      | uptime_seconds | a number |
      | exit_code      | <code>   |
      | signal         | <signal> |
      | crash_count    | 1        |
      | level          | error    |

    Examples:
      | order                 | code | signal  | words                |
      | crash                 | 1    | null    | exited with code 1   |
      | crash?code=3          | 3    | null    | exited with code 3   |
      | crash?code=137        | 137  | null    | exited with code 137 |
      | crash?signal=SIGSEGV  | null | SIGSEGV | killed by SIGSEGV    |
      | crash?signal=SIGABRT  | null | SIGABRT | killed by SIGABRT    |
      | crash?signal=SIGKILL  | null | SIGKILL | killed by SIGKILL    |

  @OC-POOL-3011
  Scenario: The last words of an engine tell why it died
    Given the pools:
      """
      chat: { restart: { policy: never } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "print?text=out%20of%20paper"
    And the engine of chat/r0 is told to "crash?code=9&after=1ms"
    Then chat/r0 becomes failed
    And chat/r0 shows:
      | last_error | /^exited with code 9 after .*: .*crash\?code=9/ |

  Scenario: An engine that ends with 0 when it was ready has stopped, and stays so
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "exit"
    Then chat/r0 becomes stopped
    And chat/r0 shows:
      | goal            | up                                                                          |
      | live            | false                                                                       |
      | why             | /^exited with code 0 after .*, and restart\.policy on-failure leaves it so$/ |
      | crash_count     | 0                                                                           |
      | restart_count   | 0                                                                           |
      | last_exit.code  | 0                                                                           |
      | last_exit.class | graceful                                                                    |
    And chat/r0 has no handoff file
    And there is no event "replica.crashed"
    When I run `poolctl status`
    Then it exits with 3
    When I run `poolctl start chat`
    Then it exits with 0
    And chat/r0 has gone through "starting, ready, stopped, preparing, starting, ready"

  Scenario: A SIGTERM that somebody else has sent is an exit like others
    Given the pools:
      """
      chat: { args: [--load-time, 20ms, --order, "obey-term?code=143"] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGTERM
    Then chat/r0 becomes backoff
    And chat/r0 becomes ready
    And chat/r0 shows:
      | last_exit.code | 143 |
      | crash_count    | 1   |

  @OC-POOL-3011
  Scenario: An engine that ends with 0 before it was ready has failed
    Given the pools:
      """
      chat: { args: [--order, exit], restart: { backoff: { initial: 5m, max: 5m } } }
      """
    And poolctl is up
    Then chat/r0 becomes backoff
    And chat/r0 shows:
      | last_exit.code | 0                       |
      | crash_count    | 1                       |
      | last_error     | /^exited with code 0 /  |
    And chat/r0 has never been ready

  Scenario Outline: What the policy "<policy>" makes of an end after ready: <order>
    Given the pools:
      """
      chat: { restart: { policy: <policy> } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "<order>"
    Then chat/r0 becomes <state>
    And chat/r0 has gone through "starting, ready, <path>"

    Examples:
      | policy     | order        | state   | path                               |
      | always     | exit         | ready   | backoff, preparing, starting, ready |
      | always     | crash?code=2 | ready   | backoff, preparing, starting, ready |
      | on-failure | crash?code=2 | ready   | backoff, preparing, starting, ready |
      | on-failure | exit         | stopped | stopped                            |
      | never      | exit         | stopped | stopped                            |
      | never      | crash?code=2 | failed  | failed                             |

  Scenario: Under the policy "never" a crash says how to try again
    Given the pools:
      """
      chat: { restart: { policy: never } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "crash?code=2"
    Then chat/r0 becomes failed
    And chat/r0 shows:
      | why  | /^exited with code 2 .*; restart\.policy is never; poolctl start chat\/r0 tries again$/ |
      | goal | up                                                                                       |

  @OC-POOL-3011
  Scenario: Waits grow up to their ceiling while an engine keeps dying
    Given the pools:
      """
      chat:
        args: [--order, "crash?code=7"]
        restart: { backoff: { initial: 20ms, factor: 2, max: 70ms } }
      """
    And poolctl is up
    Then the waits of chat/r0 are "20, 40, 70, 70" ms
    And chat/r0 has never been ready

  @OC-POOL-3011
  Scenario: The growth begins anew after a long calm
    Given the pools:
      """
      chat: { restart: { backoff: { initial: 20ms, reset_after: 300ms } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    Then chat/r0 comes to show:
      | crash_count | 0 |
    When the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes backoff, told with:
      | attempt     | 1  |
      | backoff_ms  | 20 |
      | crash_count | 1  |
    And chat/r0 becomes ready
    And chat/r0 shows:
      | crashes_total  | 2 |
      | restarts_total | 2 |

  Scenario: A launch that the kernel refuses is an end with its reason, and not tried again
    Given the pools:
      """
      chat: { args: ["{long}"] }
      """
    And poolctl is up
    Then chat/r0 becomes failed
    And chat/r0 shows:
      | why                   | /^could not be started: / |
      | last_exit.class       | config                    |
      | last_exit.restartable | false                     |
      | last_exit.code        | null                      |
      | pid                   | null                      |
    And chat/r0 has no pid file

  Scenario: An engine leads a group of its own, away from the supervisor's terminal
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the engine of chat/r0 leads a process group of its own

  Scenario: An engine that ignores SIGTERM is killed after its grace
    Given the pools:
      """
      deaf: { args: [--load-time, 20ms, --order, ignore-term], stop: { grace: 300ms } }
      """
    And poolctl is up
    And deaf/r0 becomes ready
    When I run `poolctl stop deaf`
    Then it exits with 0
    And deaf/r0 is stopped
    And deaf/r0 shows:
      | last_exit.signal | SIGKILL  |
      | last_exit.class  | graceful |
      | goal             | down     |
      | crash_count      | 0        |
    And the engine of deaf/r0 is gone
    And the log of deaf/r0 comes to hold "ignoring SIGTERM, as ordered"

  Scenario: An engine that takes its time within the grace is not killed
    Given the pools:
      """
      slow: { args: [--load-time, 20ms, --order, "obey-term?delay=300ms&code=5"], stop: { grace: 5m } }
      """
    And poolctl is up
    And slow/r0 becomes ready
    When I run `poolctl stop slow`
    Then it exits with 0
    And slow/r0 shows:
      | last_exit.code  | 5        |
      | last_exit.class | graceful |
      | crash_count     | 0        |

  Scenario: The signal to stop by can be chosen
    Given the pools:
      """
      chat: { stop: { signal: SIGINT, grace: 5m } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I run `poolctl stop chat`
    Then it exits with 0
    And chat/r0 shows:
      | last_exit.code | 0 |

  Scenario: A frozen engine is woken to be stopped
    Given the pools:
      """
      chat: { stop: { grace: 5m }, health: { interval: 5m } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGSTOP
    And I run `poolctl stop chat`
    Then it exits with 0
    And chat/r0 shows:
      | state          | stopped |
      | last_exit.code | 0       |

  Scenario Outline: What an engine has left behind is gone when it is called stopped: <leak>
    Given the pools:
      """
      chat: { stop: { grace: 200ms } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "<leak>"
    And I run `poolctl stop chat`
    Then it exits with 0
    And what it left behind is gone

    Examples:
      | leak                          |
      | leak                          |
      | leak?setsid                   |
      | leak?ignore-term              |
      | leak?setsid&ignore-term       |
      | leak?setsid&wipe-env          |
      | leak?wipe-env&close-log       |
      | leak?setsid&close-log         |

  Scenario Outline: What a dead engine has left in its group is gone before its successor is thought of: <leak>
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "<leak>"
    And the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes stopping with the reason "killed by SIGKILL, and left processes of its group behind"
    And chat/r0 becomes backoff
    And what it left behind is gone
    And chat/r0 has no handoff file
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | crash_count      | 1       |
      | last_exit.signal | SIGKILL |

    Examples:
      | leak                 |
      | leak                 |
      | leak?ignore-term     |
      | leak?wipe-env        |

  Scenario: What a dead engine has left in a session of its own is found by its mark
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "leak?setsid&close-log"
    And the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes ready
    And what it left behind is soon gone
    And chat/r0 runs in a new process

  Scenario: Workers that ignore SIGTERM go with their engine
    Given the environment:
      | FAKE_STUBBORN_WORKERS | 1  |
      | FAKE_LOAD_MS          | 20 |
    And the pools:
      """
      big: { engine: vllm, binary: "{rig}/fake-vllm.mjs", model: org/repo, args: [], stop: { grace: 200ms } }
      """
    And poolctl is up
    And big/r0 becomes ready
    When I run `poolctl down`
    Then it exits with 0
    And poolctl ends with 0
    And no process, pid file, handoff file or socket is left

  Scenario Outline: A stop ends whatever is going on: <what>
    Given somebody else listens on port {port+5}
    And the pools:
      """
      chat: { <pool> }
      """
    And poolctl is up
    And chat/r0 becomes <state>
    When I run `poolctl stop chat`
    Then it exits with 0
    And chat/r0 is stopped
    And chat/r0 shows:
      | goal    | down  |
      | live    | false |
      | backoff | null  |
    And chat/r0 has no pid file
    And chat/r0 has no handoff file
    When I run `poolctl stop chat`
    Then it exits with 0
    And it says "chat is stopped already"
    When I run `poolctl status`
    Then it exits with 0

    Examples:
      | what                        | pool                                                                                   | state     |
      | it loads                    | args: [--order, unhealthy]                                                             | starting  |
      | it serves                   | slots: 3 | ready     |
      | it waits after a crash      | args: [--order, crash], restart: { backoff: { initial: 5m, max: 5m } }                 | backoff   |
      | it waits for its port       | port: {port+5}, restart: { backoff: { initial: 5m, max: 5m } }                         | backoff   |
      | it has failed for good      | engine: command, command: [/nowhere], args: []                                         | failed    |

  Scenario: A stop ends an engine that is ill
    Given the pools:
      """
      chat: { health: { failure_threshold: 1, timeout: 10s, restart_after: never } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "unhealthy"
    And chat/r0 becomes unhealthy
    And I run `poolctl stop chat`
    Then it exits with 0
    And chat/r0 shows:
      | state | stopped |
      | goal  | down    |

  Scenario: Stop, start and restart do what they say, one replica after another
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    When I run `poolctl restart chat`
    Then it exits with 0
    And chat/r0 runs in a new process
    And chat/r1 runs in a new process
    And chat/r1 shows:
      | restart_count | 0 |
      | crash_count   | 0 |
    When I run `poolctl stop chat/r1`
    Then it exits with 0
    And chat/r1 is stopped
    And chat/r0 is ready
    When I run `poolctl start all`
    Then it exits with 0
    And chat/r1 is ready

  Scenario: After the end nothing is left
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu], stop: { grace: 200ms } }
      load: { args: [--load-time, 10m] }
      dead: { args: [--order, crash] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    And the engine of chat/r0 is told to "leak?setsid&wipe-env"
    When I run `poolctl down`
    Then it exits with 0
    And poolctl ends with 0
    And what it left behind is gone
    And no process, pid file, handoff file or socket is left

  Scenario Outline: poolctl ends in order when it is asked to by <signal>
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When poolctl is told to end by <signal>
    Then poolctl ends with 0
    And no process, pid file, handoff file or socket is left
    And there is an event "supervisor.stopping" with:
      | reason | <signal> |

    Examples:
      | signal  |
      | SIGTERM |
      | SIGINT  |

  Scenario: A supervisor that was killed loses no engine: the next one ends the old ones before it starts its own
    Given the supervisor setting "adopt: false"
    And the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    And the engine of chat/r0 is told to "leak?setsid"
    When poolctl dies of SIGKILL
    Then the engine of chat/r0 still runs
    And the engine of chat/r1 still runs
    When I run `poolctl status`
    Then it exits with 6
    Given poolctl is up
    When chat/r0 becomes starting
    Then no earlier engine of chat/r0 is left
    And no earlier engine of chat/r1 is left
    And what it left behind is gone
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    And chat/r0 shows:
      | incarnation | 2 |

  Scenario: A killed supervisor's deaf engines are killed before new ones start
    Given the supervisor setting "adopt: false"
    And the pools:
      """
      deaf: { args: [--load-time, 20ms, --order, ignore-term], stop: { grace: 200ms } }
      """
    And poolctl is up
    And deaf/r0 becomes ready
    When poolctl dies of SIGKILL
    And poolctl is up
    And deaf/r0 becomes starting
    Then no earlier engine of deaf/r0 is left

  Scenario: Of five supervisors one lives, and the others say which
    Given the pools:
      """
      chat: {}
      """
    When five supervisors are started at once
    Then one of them lives
    And chat/r0 becomes ready
    When one more supervisor is started
    Then it exits with 7
    And it says "[ALREADY_RUNNING]"
    And it names the pid of the one that runs
    And chat/r0 still runs in its first process

  Scenario: When all have failed and that is to be the end, poolctl ends with 10
    Given the pools:
      """
      nope: { engine: command, command: [/nowhere], args: [] }
      """
    When poolctl is up with "--exit-on all-failed"
    Then poolctl ends with 10
    And no process, pid file, handoff file or socket is left
