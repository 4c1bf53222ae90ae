Feature: Reload
  The model of a running pool is changed on all of its replicas, or on none. Nothing is touched before the new model is known to be there;
  each replica drains first; and whatever goes wrong, all of them serve the old model again, where they were.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu, cpu]
      args:
        [--load-time, 100ms, --slots, "2", --token-time, 5ms,
         --order, "crash?model=bad", --order, "crash?model=late&after=500ms", --order, "load?time=1h&model=endless"]
      health: { startup_interval: 20ms, interval: 100ms, restart_after: 0s }
      restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 } }
      reload: { min_healthy: 150ms }
      """
    And the models "old, new, bad, late, endless"

  Scenario: One replica after another changes, the pool serves throughout, and no request under a lease fails
    Given the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And I note the replicas of "chat"
    And 3 clients of "chat" are at work
    When "chat" is reloaded to "new"
    And the clients have come home
    Then the answer is 200 with:
      | kind                | reload        |
      | state               | succeeded     |
      | outcome             | reloaded      |
      | changed             | true          |
      | cut                 | 0             |
      | steps[0].replica_id | r0            |
      | steps[0].step       | switch to new |
      | steps[1].state      | done          |
    And every request under a lease was answered, by "old" and by "new"
    And "chat" has never been without a ready replica
    And every replica of "chat" is ready
    And the replicas of "chat" have the models "new, new"
    And the replicas of "chat" have kept their device_mask, port, url, goal, restart_count, restarts_total, crashes_total
    And the pool "chat" shows:
      | model_id                | new        |
      | override.model_ref      | {dir}/new  |
      | override.since          | a time     |
      | override.file_model_ref | {dir}/old  |
    And the command line of chat/r1 holds "--model {dir}/new"
    And the handoff file of chat/r1 has:
      | model.id   | new       |
      | model.path | {dir}/new |
    And there is an event "reload.started" with:
      | pool_id      | chat      |
      | model_from   | old       |
      | model_to     | new       |
      | strategy     | rolling   |
      | replicas[1]  | r1        |
      | detail       | 1 KiB     |
      | operation_id | a UUID    |
    And there is an event "reload.finished" with:
      | result      | reloaded |
      | duration_ms | a number |
    And the metrics come to show:
      | reload_total{pool_id="chat",outcome="reloaded"}                                     | 1 |
      | reload_success_total{pool_id="chat"}                                                | 1 |
      | pool_reload_duration_ms_count{pool_id="chat",outcome="reloaded"}                    | 1 |
      | restart_total{pool_id="chat",replica_id="r0",reason="reload"}                       | 1 |
      | engine_crash_total{pool_id="chat",replica_id="r0",class="unknown"}                  | 0 |

  Scenario: A model that is not there, or not what it should be, disturbs nobody
    Given the pools:
      """
      chat: { model: old }
      none: { device_masks: [cpu] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When "chat" is reloaded to "nowhere"
    Then the answer is 422 with:
      | error.code | MODEL_UNAVAILABLE     |
      | error.why  | there is no such file |
      | operation  | nothing               |
    When "chat" is reloaded to "new" of the digest 0
    Then the answer is 422 with:
      | error.code | MODEL_UNAVAILABLE  |
      | error.why  | /^its digest is sha256:/ |
    When "none" is reloaded to "new"
    Then the answer is 409 with:
      | error.code | NOT_SUPPORTED |
    When I run `poolctl reload chat --model nowhere --json`
    Then it exits with 7
    And it prints JSON with:
      | error.code | MODEL_UNAVAILABLE |
    And chat/r0 still runs in its first process
    And chat/r1 still runs in its first process
    And there is no event "replica.draining"
    And the metrics come to show:
      | reload_failure_total{pool_id="chat",reason="model"} | 3 |

  Scenario: A model with which the engine does not start is rolled back, and the rest was never touched
    Given the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And I note the replicas of "chat"
    When "chat" is reloaded to "bad"
    Then the answer is 502 with:
      | error.code        | RELOAD_FAILED |
      | error.why         | /exited with code 1/ |
      | operation.outcome | rolled_back |
      | operation.state   | failed      |
      | operation.steps[2].step  | back to old |
      | operation.steps[2].state | done        |
    And every replica of "chat" is ready
    And the replicas of "chat" have the models "old, old"
    And the replicas of "chat" have kept their device_mask, port, url, goal, crash_count, restart_count, restarts_total, breaker
    And chat/r1 still runs in its first process
    And the pool "chat" shows:
      | override | null |
    And the handoff file of chat/r0 has:
      | model.id | old |
    When I run `poolctl reload chat --model bad`
    Then it exits with 9
    And the metrics come to show:
      | reload_total{pool_id="chat",outcome="rolled_back"} | 2 |
      | reload_failure_total{pool_id="chat",reason="exit"} | 2 |
      | reload_success_total{pool_id="chat"}               | 0 |

  Scenario: An engine that dies of its new model while the next one drains: that one goes on as if nothing had been, with its lease
    Given the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And I note the replicas of "chat"
    And ana leases "chat/r1"
    When a reload of "chat" to "late" begins
    Then the reload comes to its end with "rolled_back"
    And every replica of "chat" is ready
    And the replicas of "chat" have the models "old, old"
    And the replicas of "chat" have kept their device_mask, port, crash_count, restart_count, breaker
    And chat/r1 still runs in its first process
    And these hold leases:
      | ana | chat/r1 |

  Scenario: When not even the old one comes back, that is told, and it goes on being tried
    Given the pools:
      """
      chat: { model: old, device_masks: [cpu] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And the file "old" is removed
    When I run `poolctl reload chat --model bad`
    Then it exits with 1
    And it says "not even the old one came back"
    And chat/r0 shows:
      | state    | failed |
      | model_id | old    |
    Given the models "old"
    When I run `poolctl start chat`
    Then it exits with 0
    And the metrics come to show:
      | reload_total{pool_id="chat",outcome="rollback_failed"} | 1 |

  Scenario: A drain that is not over in time leaves the original serving, with its lease
    Given the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And ana leases "chat/r1"
    When "chat" is reloaded to "new" within "300ms"
    Then the answer is 409 with:
      | error.code        | DRAIN_TIMEOUT |
      | operation.outcome | drain_timeout |
      | operation.cut     | 0             |
    And chat/r1 still runs in its first process
    And every replica of "chat" is ready
    And the replicas of "chat" have the models "old, old"
    When ana renews
    Then ana has a slot of chat/r1
    When I run `poolctl reload chat --model new --deadline 0`
    Then it exits with 5
    And the metrics come to show:
      | reload_total{pool_id="chat",outcome="drain_timeout"}        | 2 |
      | reload_failure_total{pool_id="chat",reason="drain_timeout"} | 2 |

  Scenario: The same model again changes nothing
    Given the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When "chat" is reloaded to "old"
    Then the answer is 200 with:
      | outcome | unchanged |
      | changed | false     |
      | steps   | []        |
    When I run `poolctl reload chat --model old`
    Then it exits with 0
    And it prints:
      """
      chat runs old already
      """
    And chat/r0 still runs in its first process
    And the metrics come to show:
      | reload_total{pool_id="chat",outcome="unchanged"} | 2 |

  Scenario: A supervisor that is killed in the middle leaves the old model to the next one
    Given the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And ana leases "chat/r1"
    When a reload of "chat" to "new" begins
    And chat/r1 comes to show:
      | state | draining |
    And the replicas of "chat" have the models "new, old"
    And poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then every replica of "chat" is ready
    And the replicas of "chat" have the models "old, old"
    And the pool "chat" shows:
      | override | null |
    And the command line of chat/r0 holds "--model {dir}/old"
    And no earlier engine of chat/r0 is left
    When I GET "/v2/operations/{operation}"
    Then the answer is 200 with:
      | outcome     | interrupted |
      | interrupted | true        |

  Scenario: What was reloaded outlives a killed supervisor, and ends with an orderly one
    Given the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And I run `poolctl reload chat --model new`
    And it exits with 0
    And I note the replicas of "chat"
    When poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then every replica of "chat" is ready
    And the replicas of "chat" have kept their pid, model_id, model_ref
    When I run `poolctl status`
    Then it exits with 0
    And it says "chat runs new; pools.yaml names old"
    When I run `poolctl down`
    And poolctl is up
    Then every replica of "chat" is ready
    And the replicas of "chat" have the models "old, old"
    When I run `poolctl status`
    Then it does not say "pools.yaml names"

  Scenario: A stop in the middle wins
    Given the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When a reload of "chat" to "endless" begins
    And chat/r0 comes to show:
      | state    | starting |
      | model_id | endless  |
    When I run `poolctl restart chat`
    Then it exits with 7
    And it says "OPERATION_IN_PROGRESS"
    When I run `poolctl stop chat`
    Then it exits with 0
    And the reload comes to its end with "rolled_back"
    And the answer is 200 with:
      | error.message | /^cannot reload chat: it was cancelled by a stop; rolled back in / |
    And chat/r0 is stopped
    And chat/r1 is stopped
    And the metrics come to show:
      | reload_failure_total{pool_id="chat",reason="cancelled"} | 1 |
    When I run `poolctl start chat`
    Then it exits with 0
    And the replicas of "chat" have the models "old, old"

  Scenario: A replica that is stopped changes as well, and stays down
    Given the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And I run `poolctl stop chat/r1`
    When I run `poolctl reload chat --model new`
    Then it exits with 0
    And it says "new on r0; r1 will have it when started. pools.yaml still names"
    And the replicas of "chat" have the models "new, new"
    And chat/r1 is stopped
    And chat/r1 was launched 1 times
    When I run `poolctl start chat/r1`
    Then it exits with 0
    And the command line of chat/r1 holds "--model {dir}/new"

  Scenario: A single replica drains, refuses leases, and comes back with the new model
    Given the pools:
      """
      chat: { model: old, device_masks: [cpu] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And ana leases "chat"
    When a reload of "chat" to "new" begins
    And chat/r0 comes to show:
      | state    | draining             |
      | why      | /^1 lease, at most / |
      | model_id | old                  |
    And ben leases "chat"
    Then ben is refused with 409 POOL_DRAINING
    When ana gives the lease back
    Then the reload comes to its end with "reloaded"
    And the replicas of "chat" have the models "new"
    When ben leases "chat"
    Then the answer is 201 with:
      | model_id | new |
    And there is an event "reload.started" with:
      | strategy | recreate |
