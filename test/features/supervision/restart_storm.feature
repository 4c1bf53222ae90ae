Feature: Restart storms of a pool and of a device
  One engine that dies is its own affair. Many restarts in a short time have a common cause, and more restarts only feed it.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 1ms]
      health: { startup_interval: 20ms, interval: 250ms }
      restart:
        backoff: { initial: 10ms, min: 0ms, jitter: 0, max: 20ms }
        breaker: { threshold: 100 }
        storm: { limit: 100, window: 1m, warn_at: 100, trip: { count: 100 } }
      """

  @OC-POOL-3030
  Scenario: More restarts in the window than are usual are a warning
    Given the pools:
      """
      chat: { restart: { storm: { warn_at: 2 } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 dies 3 times in a row
    And chat/r0 becomes ready
    Then there is an event "storm.warning" with:
      | level          | warn   |
      | pool_id        | chat   |
      | storm_kind     | storm  |
      | restart_count  | 3      |
      | time_window_ms | 60000  |
    And the pool "chat" shows:
      | storm.restarts_in_window | 3     |
      | storm.storming           | false |

  @OC-POOL-3011 @OC-POOL-3030
  Scenario: At the limit the next restart waits until the window allows it
    Given the pools:
      """
      chat: { restart: { storm: { limit: 2, window: 2s } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 dies 3 times in a row
    Then there is an event "storm.limited" with:
      | level          | warn  |
      | pool_id        | chat  |
      | storm_kind     | storm |
      | restart_count  | 2     |
      | time_window_ms | 2000  |
    And chat/r0 comes to show:
      | state | backoff                               |
      | why   | /^2 restarts of chat in 2s; try .* in / |
    And the pool "chat" shows:
      | storm.restarts_in_window | 2    |
      | storm.storming           | true |
    And chat/r0 comes to show:
      | state          | ready |
      | restarts_total | 3     |
    And no more than 2 restarts of "chat" came in any 2000 ms

  @OC-POOL-3011
  Scenario: The limit is raised to the pool's size, so that one common cause is no storm
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu, cpu], restart: { storm: { limit: 1, trip: { count: 1 } } } }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When all engines of "chat" get SIGKILL
    Then every replica of "chat" becomes ready again
    And there is no event "storm.limited"
    And there is no event "storm.tripped"

  @OC-POOL-3011 @OC-POOL-3030
  Scenario: A storm that trips opens the breakers of the whole pool; who serves goes on
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu], restart: { storm: { trip: { count: 4, window: 30s } } } }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When the engine of chat/r0 dies 5 times in a row
    Then there is an event "storm.tripped" with:
      | level          | critical |
      | pool_id        | chat     |
      | storm_kind     | storm    |
      | restart_count  | 4        |
      | time_window_ms | 30000    |
    And chat/r0 comes to show:
      | state         | broken |
      | breaker.state | open   |
    And chat/r1 shows:
      | state         | ready |
      | breaker.state | open  |
    And chat/r1 still runs in its first process

  @OC-POOL-3011
  Scenario: What an operator restarts is no restart of a storm
    Given the pools:
      """
      chat: { restart: { storm: { limit: 1, trip: { count: 2 } } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I run `poolctl restart chat`
    And I run `poolctl restart chat`
    And I run `poolctl restart chat`
    Then it exits with 0
    And the pool "chat" shows:
      | storm.restarts_in_window | 0 |
      | restarts_total           | 0 |
    And there is no event "storm.limited"

  @OC-POOL-3011
  Scenario: A reset lets one launch through a storm; without --once it ends the storm
    Given the pools:
      """
      chat: { restart: { storm: { limit: 1, window: 5m } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 dies 2 times in a row
    And there is an event "storm.limited" with:
      | pool_id | chat |
    And I run `poolctl reset chat --once`
    Then it exits with 0
    And the pool "chat" shows:
      | storm.restarts_in_window | 1    |
      | storm.storming           | true |
      | restarts_total           | 1    |
    When I run `poolctl reset chat`
    Then the pool "chat" shows:
      | storm.restarts_in_window | 0     |
      | storm.storming           | false |

  @ORCH-3053
  Scenario: The count of restarts ages out; the lifetime counts never do
    Given the pools:
      """
      chat: { restart: { storm: { reset_after: 600ms } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    Then chat/r0 comes to show:
      | restart_count  | 0 |
      | restarts_total | 1 |
      | crashes_total  | 1 |

  @OC-POOL-3030
  Scenario: Restarts of several pools on one device are a storm of the device; engines elsewhere go on
    Given a machine with 2 GPUs
    And the supervisor setting "device_storm: { limit: 2, window: 5m }"
    And the pools:
      """
      chat: { device_masks: ["0"], share: true }
      code: { device_masks: ["0"], share: true }
      docs: { device_masks: ["1"] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    And the engine of code/r0 gets SIGKILL
    And code/r0 becomes ready
    And the engine of chat/r0 gets SIGKILL
    Then there is an event "storm.limited" with:
      | storm_kind    | device |
      | restart_count | 2      |
      | device        | a text |
    And chat/r0 comes to show:
      | state | backoff                            |
      | why   | /^2 restarts on GPU 0 in .*; try .* / |
    When the engine of docs/r0 gets SIGKILL
    Then docs/r0 becomes backoff
    And docs/r0 becomes ready

  @OC-POOL-3030 @ORCH-3039 @ORCH-3053
  Scenario Outline: A storm of one kind is named, with its remedy: <kind>
    Given the program "engine":
      """
      #!/bin/sh
      echo "<line>" >&2
      exit 1
      """
    And the pools:
      """
      chat: { engine: command, command: ["{dir}/engine"], args: [], health: { path: none }, restart: { backoff: { cuda_multiplier: 1 }, breaker: { cuda_threshold: 100 }, storm: { warn_at: 2, trip: { count: 4 } } } }
      """
    When poolctl is up
    Then there is an event "storm.warning" with:
      | storm_kind    | <kind>       |
      | restart_count | 3            |
      | human         | /<remedy>/   |
    And there is an event "storm.tripped" with:
      | storm_kind    | <kind>       |
      | level         | critical     |
    And chat/r0 comes to show:
      | state              | broken    |
      | breaker.state      | <general> |
      | breaker.cuda.state | <cuda>    |

    Examples:
      | kind       | line                                                 | general | cuda   | remedy                    |
      | oom_storm  | CUDA error: out of memory                            | open    | closed | lower their context       |
      | cuda_storm | CUDA error: an illegal memory access was encountered | closed  | open   | reset the GPU or reboot   |
