Feature: The breaker that ends a loop of crashes
  An engine that fails again and again is left alone for a while, and said to be broken. Then one launch is tried: it decides. The other
  replicas of its pool notice nothing.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 1ms]
      health: { startup_interval: 20ms, interval: 250ms }
      restart:
        backoff: { initial: 20ms, min: 0ms, jitter: 0, max: 40ms }
        breaker: { threshold: 3, open_for: 1s, close_after: 500ms }
        storm: { limit: 100, warn_at: 100, trip: { count: 100 } }
      """

  @OC-POOL-3011 @ORCH-3040
  Scenario: So many failures in a row open it, and the healthy sister notices nothing
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu], restart: { breaker: { open_for: 5m } } }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When the engine of chat/r0 dies 3 times in a row
    Then chat/r0 becomes broken, told with:
      | failure_count   | 3                         |
      | next_restart_at | a time                    |
      | reason          | /^killed by SIGKILL after / |
    And there is an event "breaker.changed" with:
      | pool_id       | chat    |
      | replica_id    | r0      |
      | breaker       | general |
      | old_state     | closed  |
      | new_state     | open    |
      | failure_count | 3       |
    And chat/r0 shows:
      | live             | false                                             |
      | ready            | false                                             |
      | goal             | up                                                |
      | pid              | null                                              |
      | backoff          | null                                              |
      | breaker.state    | open                                              |
      | breaker.failures | 3                                                 |
      | breaker.retry_at | a time                                            |
      | breaker.cuda.state | closed                                          |
      | restart_count    | 2                                                 |
      | crash_count      | 3                                                 |
      | why              | /^killed by SIGKILL .*breaker open, one launch in / |
    And chat/r1 still runs in its first process
    And chat/r1 shows:
      | breaker.state    | closed |
      | breaker.failures | 0      |
    And the pool "chat" shows:
      | state         | degraded |
      | breaker.state | open     |
    When I run `poolctl status`
    Then it exits with 3
    And it says something like "chat/r0 +broken .*poolctl reset chat/r0"

  @OC-POOL-3011 @ORCH-3040
  Scenario: When its time has come one launch is tried; a failure opens it again, for longer
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none } }
      """
    And poolctl is up
    When chat/r0 becomes broken
    Then chat/r0 becomes broken, told with:
      | failure_count | 4 |
    And the breaker of chat/r0 has gone through "open, half-open, open"
    And chat/r0 was launched 4 times
    And chat/r0 has been broken for 1000 and then for 2000 ms

  @OC-POOL-3011
  Scenario: It is never open for longer than the longest
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none }, restart: { breaker: { open_for: 200ms, max_open_for: 300ms } } }
      """
    And poolctl is up
    When chat/r0 becomes broken
    And chat/r0 becomes broken
    And chat/r0 becomes broken
    Then chat/r0 has been broken for 200 and then for 300 ms

  @OC-POOL-3011
  Scenario: A test launch that serves for long enough closes it
    Given the file "fails":
      """
      """
    And the program "engine":
      """
      #!/bin/sh
      [ -e {dir}/fails ] && exit 3
      exec sleep 1000
      """
    And the pools:
      """
      chat: { engine: command, command: ["{dir}/engine"], health: { path: none, min_uptime: 50ms } }
      """
    And poolctl is up
    When chat/r0 becomes broken
    And the file "fails" is removed
    Then chat/r0 becomes ready
    And chat/r0 shows:
      | breaker.state | half-open |
    And chat/r0 comes to show:
      | breaker.state    | closed |
      | breaker.failures | 0      |
      | state            | ready  |
    And the breaker of chat/r0 has gone through "open, half-open, closed"

  @OC-POOL-3011
  Scenario: Failures that are far apart do not add up
    Given the pools:
      """
      chat: { restart: { breaker: { close_after: 200ms } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    And the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    Then chat/r0 comes to show:
      | breaker.failures | 0 |
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    Then there is no event "breaker.changed"

  @OC-POOL-3011
  Scenario: A start of a broken replica is refused with the time of the next try
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none }, restart: { breaker: { open_for: 5m } } }
      """
    And poolctl is up
    When chat/r0 becomes broken
    And I run `poolctl start chat`
    Then it exits with 7
    And it says "POOL_UNAVAILABLE"
    And it says "poolctl reset chat/r0"
    When I POST "/v2/pools/chat/restart" with "{}"
    Then the answer is 503 with:
      | error.code           | POOL_UNAVAILABLE |
      | error.retriable      | true             |
      | error.retry_after_ms | a whole number   |
    And chat/r0 is broken

  @OC-POOL-3011
  Scenario: A stop of a broken replica stops it; started again it is as broken as before
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none }, restart: { breaker: { open_for: 5m } } }
      """
    And poolctl is up
    When chat/r0 becomes broken
    And I run `poolctl stop chat`
    Then it exits with 0
    And chat/r0 is stopped
    When I run `poolctl start chat`
    Then it exits with 7

  @OC-POOL-3011
  Scenario: A reset brings it back at once and forgets the failures
    Given the file "fails":
      """
      """
    And the program "engine":
      """
      #!/bin/sh
      [ -e {dir}/fails ] && exit 3
      exec sleep 1000
      """
    And the pools:
      """
      chat: { engine: command, command: ["{dir}/engine"], health: { path: none, min_uptime: 50ms }, restart: { breaker: { open_for: 5m } } }
      """
    And poolctl is up
    When chat/r0 becomes broken
    And the file "fails" is removed
    And I run `poolctl reset chat`
    Then it exits with 0
    And it says "chat ready in"
    And chat/r0 shows:
      | state            | ready  |
      | breaker.state    | closed |
      | breaker.failures | 0      |
      | crash_count      | 0      |
      | restart_count    | 0      |
      | crashes_total    | 3      |
      | restarts_total   | 2      |

  @OC-POOL-3011
  Scenario: A reset that is for one launch only leaves it as broken as before when that fails
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none }, restart: { breaker: { open_for: 5m } } }
      """
    And poolctl is up
    When chat/r0 becomes broken
    And I run `poolctl reset chat --once`
    Then it exits with 1
    And it says "its breaker is open"
    And chat/r0 was launched 4 times
    And chat/r0 has been broken for 300000 and then for 300000 ms
    And chat/r0 shows:
      | state          | broken |
      | restarts_total | 2      |

  Scenario: A reset also starts what has failed for good, and what was stopped
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu], restart: { policy: never } }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes failed
    And I run `poolctl stop chat/r1`
    And I run `poolctl reset chat`
    Then it exits with 0
    And chat/r0 is ready
    And chat/r1 is ready

  Scenario: What does not exist cannot be reset
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    When I run `poolctl reset chta`
    Then it exits with 8
    And it says "chat"
