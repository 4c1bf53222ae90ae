Feature: State that survives its supervisor
  A supervisor that is killed loses no engine: the next one finds them all, takes over those that are as the inventory says, and ends the
  others in order. Waits, breakers and counts go on where they were. After an orderly end all begin afresh.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 1ms]
      health: { startup_interval: 20ms, interval: 250ms }
      restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3001
  Scenario: Engines outlive a killed supervisor, and the next one takes them over with their counts
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When the engine of chat/r0 dies 1 times in a row
    And every replica of "chat" is ready
    And I note the replicas of "chat"
    And poolctl has written down what is and dies of SIGKILL
    Then the engine of chat/r0 still runs
    And the engine of chat/r1 still runs
    When poolctl is up
    Then every replica of "chat" is ready
    And the replicas of "chat" have kept their pid, incarnation, port, started_at, ready_at, restart_count, crash_count, restarts_total, crashes_total
    And chat/r0 shows:
      | adopted       | true   |
      | live          | true   |
      | crashes_total | 1      |
      | restart_count | 1      |
      | incarnation   | 2      |
      | engine_version | demo-1 |
      | slots_total   | 4      |
    And there is an event "replica.adopted" with:
      | pool_id     | chat  |
      | replica_id  | r1    |
      | incarnation | 1     |
      | pid         | a pid |
    And the pid file of chat/r0 names its process
    And the handoff file of chat/r0 has:
      | pool_id    | chat |
      | replica_id | r0   |
    And chat/r1 still runs in its first process

  Scenario: It is ready again only after a good probe of the new supervisor's own
    Given the pools:
      """
      chat: { health: { failure_threshold: 2, restart_after: 5m, timeout: 200ms } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "hang"
    And poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then chat/r0 becomes unhealthy
    And chat/r0 has no handoff file
    And chat/r0 shows:
      | adopted | true  |
      | ready   | false |
    When the engine of chat/r0 is told to "healthy"
    Then chat/r0 becomes ready
    And chat/r0 still runs in its first process

  Scenario: The exit of an adopted engine is noticed; nobody saw how, so it is a failure
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "exit"
    Then chat/r0 becomes backoff
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | adopted                | false                                |
      | last_exit.code         | null                                 |
      | last_exit.signal       | null                                 |
      | last_exit.incarnation  | 1                                    |
      | crashes_total          | 1                                    |
      | incarnation            | 2                                    |
    And there is an event "replica.crashed" with:
      | exit_code  | null                                |
      | last_error | /^ended, and nobody saw how after / |

  Scenario: An engine that died while nobody watched has crashed, and comes back after its wait
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And the engine of chat/r0 gets SIGKILL
    And the engine of chat/r0 is soon gone
    And poolctl is up
    Then chat/r0 becomes backoff
    And chat/r0 becomes ready
    And chat/r0 shows:
      | crashes_total  | 1     |
      | restarts_total | 1     |
      | incarnation    | 2     |
      | adopted        | false |

  Scenario: An engine whose entry of the inventory has changed is ended in order before its successor starts
    Given the pools:
      """
      chat: {}
      code: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And the pools:
      """
      chat: { args: [--load-time, 1ms, --slots, "7"] }
      code: {}
      """
    And poolctl is up
    Then chat/r0 becomes stopping with the reason "/pools.chat has changed since it was launched/"
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | adopted       | false |
      | slots_total   | 7     |
      | crashes_total | 0     |
    And code/r0 becomes ready
    And code/r0 still runs in its first process

  Scenario: A pool that is gone from the inventory has its engine ended, and nothing starts before that is gone
    Given the pools:
      """
      chat: {}
      code: { args: [--load-time, 1ms, --order, obey-term?delay=300ms] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And the pools:
      """
      chat: {}
      docs: {}
      """
    And poolctl is up
    Then docs/r0 becomes ready
    And the engine of code/r0 is gone
    And chat/r0 still runs in its first process

  Scenario: With adopt false the engines that are left are ended first
    Given the supervisor setting "adopt: false"
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then chat/r0 becomes stopping with the reason "/supervisor.adopt is false/"
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | adopted        | false |
      | restarts_total | 0     |
      | crashes_total  | 0     |

  Scenario: An engine that still loads is taken over while it loads
    Given the file "hold":
      """
      """
    And the pools:
      """
      chat: { args: [--load-time, 1500ms] }
      """
    And poolctl is up
    And chat/r0 becomes starting
    When poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then chat/r0 becomes ready
    And chat/r0 shows:
      | adopted     | true |
      | incarnation | 1    |
    And chat/r0 still runs in its first process

  Scenario: What an operator stopped stays stopped, what is named now is started
    Given the pools:
      """
      chat: {}
      code: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    And I run `poolctl stop code`
    When poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then chat/r0 becomes ready
    And code/r0 is stopped
    And code/r0 shows:
      | goal | down |
    When poolctl has written down what is and dies of SIGKILL
    And poolctl is up with "code"
    Then code/r0 becomes ready
    And chat/r0 comes to show:
      | state | stopped |
      | goal  | down    |

  Scenario: A wait goes on where it was, and ends when it would have
    Given the pools:
      """
      chat: { restart: { backoff: { initial: 5m, max: 5m } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes backoff
    And I note the replicas of "chat"
    And poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then chat/r0 is backoff
    And the replicas of "chat" have kept their backoff, crash_count, last_exit, last_error, incarnation

  Scenario: A crash loop goes on where it was, and its breaker stays open
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none }, restart: { breaker: { threshold: 3, open_for: 5m } } }
      """
    And poolctl is up
    And chat/r0 becomes broken
    And I note the replicas of "chat"
    When poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then chat/r0 is broken
    And the replicas of "chat" have kept their breaker, crash_count, crashes_total, restarts_total, last_exit, incarnation
    When I run `poolctl start chat`
    Then it exits with 7
    When I run `poolctl reset chat --once`
    Then it exits with 1
    And chat/r0 shows:
      | incarnation | 4 |
      | state       | broken |

  Scenario: A permanent failure stays one
    Given the pools:
      """
      chat: { engine: command, command: [/nowhere/engine] }
      """
    And poolctl is up
    And chat/r0 becomes failed
    When poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then chat/r0 is failed
    And chat/r0 shows:
      | why | /nowhere\/engine/ |

  Scenario: After an orderly end everything begins afresh, but for the lifetime counts
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none }, restart: { breaker: { threshold: 2, open_for: 5m } } }
      code: {}
      """
    And poolctl is up
    And chat/r0 becomes broken
    And I run `poolctl stop code`
    And I run `poolctl down`
    Then it exits with 0
    When poolctl is up
    Then code/r0 becomes ready
    And chat/r0 becomes broken
    And chat/r0 shows:
      | crash_count    | 2 |
      | crashes_total  | 4 |
      | restart_count  | 1 |
      | restarts_total | 2 |
      | incarnation    | 4 |

  Scenario: An operation that was cut in half is told of as interrupted
    Given the pools:
      """
      chat: { autostart: false, args: [--load-time, 1500ms] }
      """
    And poolctl is up
    When I POST "/v2/pools/chat/start" with "{}"
    Then the answer is 202 with:
      | state       | running |
      | interrupted | false   |
    When I note the operation
    And chat/r0 becomes starting
    And poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    And I GET "/v2/operations/{operation}"
    Then the answer is 200 with:
      | state         | failed      |
      | outcome       | interrupted |
      | interrupted   | true        |
      | error.message | /the supervisor ended while this start was under way/ |
    And chat/r0 becomes ready

  Scenario: A stop that was cut in half goes on
    Given the pools:
      """
      chat: { args: [--load-time, 1ms, --order, obey-term?delay=700ms] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I POST "/v2/pools/chat/stop" with "{}"
    And chat/r0 becomes stopping
    And poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then chat/r0 becomes stopped
    And the engine of chat/r0 is gone
    And chat/r0 shows:
      | goal          | down |
      | crashes_total | 0    |

  Scenario: down --keep-engines leaves them to the next supervisor
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I run `poolctl down --keep-engines`
    Then it exits with 0
    And it says "the engines go on"
    And poolctl ends with 0
    And the engine of chat/r0 still runs
    When poolctl is up
    Then chat/r0 becomes ready
    And chat/r0 shows:
      | adopted | true |
    And chat/r0 still runs in its first process

  Scenario: Engines that the next supervisor would not take over cannot be kept
    Given the supervisor setting "adopt: false"
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I run `poolctl down --keep-engines`
    Then it exits with 7
    And it says "NOT_SUPPORTED"
    And chat/r0 is ready

  Scenario: An engine that is to die with its supervisor does, and has not crashed
    Given the pools:
      """
      chat: { isolate: { die_with_supervisor: true } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    Then the engine of chat/r0 is soon gone
    When poolctl is up
    Then chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | crashes_total  | 0     |
      | restarts_total | 0     |
      | adopted        | false |

  Scenario Outline: A torn registry is set aside; engines are found by the logs that they write, none is doubled and none is lost: <left>
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And of the registry there is <left> left
    And I run `poolctl plan`
    Then it exits with 0
    When poolctl is up
    Then there is an event "supervisor.started" with:
      | reason | /^registry set aside: .*; it lies in state.json.unreadable-1; engines that it named are ended before their pools start$/ |
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And no earlier engine of chat/r0 is left

    Examples:
      | left                       |
      | nothing                    |
      | its first byte             |
      | its first half             |
      | all but its last brace     |
      | its first half, then zeros |
      | only zeros                 |

  Scenario: A registry that lacks nothing but its last line break is whole
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And of the registry there is all but its last line break left
    And poolctl is up
    Then chat/r0 becomes ready
    And chat/r0 still runs in its first process

  Scenario Outline: A registry of <whose> version is set aside and told as that, and its engines are replaced
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And "format" of the registry is changed to <format>
    And poolctl is up
    Then there is an event "supervisor.started" with:
      | reason | /^registry set aside: <whose> poolctl has written it \(format <format>, and this one reads 2\)/ |
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And no earlier engine of chat/r0 is left

    Examples:
      | whose    | format |
      | an older | 1      |
      | a newer  | 3      |

  Scenario: A registry that is whole JSON and no state harms nobody
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And "state.replicas" of the registry is changed to {"chat/r0":{"life":{"state":"serving"}}}
    And poolctl is up
    Then chat/r0 becomes ready
    And chat/r0 runs in a new process
    And no earlier engine of chat/r0 is left

  Scenario: A stranger that has the engine's number by now is not touched
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And the engine of chat/r0 gets SIGKILL
    And the engine of chat/r0 is soon gone
    And "state.replicas.chat/r0.life.engine.identity.pid" of the registry is changed to {pid}
    And poolctl is up
    Then chat/r0 becomes backoff
    And chat/r0 becomes ready
    And chat/r0 shows:
      | crashes_total | 1     |
      | adopted       | false |
