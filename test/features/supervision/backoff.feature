Feature: The wait before an engine is brought back
  A restart at once would meet what killed the engine again. Each wait is longer than the one before, up to a cap, and only so much time
  of serving makes it short again.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 1ms]
      health: { startup_interval: 20ms, interval: 250ms }
      restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 }, breaker: { threshold: 100 }, storm: { limit: 100, warn_at: 100, trip: { count: 100 } } }
      """

  @OC-POOL-3011
  Scenario: Each wait is twice the one before, until the cap
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none }, restart: { backoff: { max: 300ms } } }
      """
    When poolctl is up
    Then the waits of chat/r0 are "50, 100, 200, 300, 300" ms

  @OC-POOL-3011
  Scenario: The factor is the inventory's
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none }, restart: { backoff: { initial: 20ms, factor: 3, max: 1s } } }
      """
    When poolctl is up
    Then the waits of chat/r0 are "20, 60, 180, 540" ms

  @OC-POOL-3011
  Scenario: No wait is shorter than the shortest
    Given the pools:
      """
      chat: { engine: command, command: [sh, -c, exit 3], health: { path: none }, restart: { backoff: { initial: 10ms, min: 120ms } } }
      """
    When poolctl is up
    Then the waits of chat/r0 are "120, 120, 120, 120, 160" ms

  @OC-POOL-3011
  Scenario: Jitter spreads the waits of those who died together, within its bounds
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu, cpu, cpu, cpu, cpu], restart: { backoff: { initial: 1s, max: 10s, jitter: 0.4 } } }
      """
    And the supervisor setting "loads: { total: 6 }"
    And poolctl is up
    And every replica of "chat" is ready
    When all engines of "chat" get SIGKILL
    Then the first waits of "chat" lie between 600 and 1400 ms, and apart
    And every replica of "chat" becomes ready again
    And there is no event "breaker.changed"
    And there is no event "storm.limited"

  @OC-POOL-3011
  Scenario: At the cap jitter goes only down, so that the cap holds
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu, cpu, cpu], restart: { backoff: { initial: 1s, max: 1s, jitter: 0.5 } } }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When all engines of "chat" get SIGKILL
    Then the first waits of "chat" lie between 500 and 1000 ms, and apart

  @OC-POOL-3011
  Scenario: Serving for long enough makes the next wait short again, and clears the count of crashes
    Given the pools:
      """
      chat: { restart: { backoff: { reset_after: 700ms } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    And the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    Then chat/r0 shows:
      | crash_count | 2 |
    And chat/r0 comes to show:
      | crash_count    | 0 |
      | crashes_total  | 2 |
      | restarts_total | 2 |
    When the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes backoff, told with:
      | backoff_ms  | 50 |
      | attempt     | 1  |
      | crash_count | 1  |

  @OC-POOL-3011
  Scenario: An engine that dies soon after each time that it was ready waits longer and longer
    Given the pools:
      """
      chat: { args: [--load-time, 1ms, --order, crash?after=100ms] }
      """
    When poolctl is up
    Then the waits of chat/r0 are "50, 100, 200, 400" ms

  @OC-POOL-3011
  Scenario: A start does not wait for the rest of the wait, and is no restart
    Given the pools:
      """
      chat: { restart: { backoff: { initial: 5m, max: 5m } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes backoff
    And I run `poolctl start chat`
    Then it exits with 0
    And chat/r0 shows:
      | restart_count  | 0 |
      | restarts_total | 0 |
      | crashes_total  | 1 |
