Feature: Drain
  A replica that is drained takes no new leases, keeps those that are held, lets its requests run to their end, and is stopped then; at its
  deadline all the same. It stays down. Whoever restarts a pool, or ends the supervisor, drains first.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 1ms, --token-time, 5ms]
      health: { startup_interval: 20ms, interval: 50ms }
      restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 } }
      stop: { grace: 30s }
      """
    # An engine is asked for its requests when it is to be drained, and not before.
    And the supervisor setting "engine_poll: null"

  @OC-CTRL-2002 @OC-POOL-3010
  Scenario: With nothing in flight it is over at once
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the operator drains "chat"
    Then that comes to its end, with:
      | kind            | drain     |
      | pool_id         | chat      |
      | state           | succeeded |
      | outcome         | drained   |
      | changed         | true      |
      | active_leases   | 0         |
      | cut             | 0         |
      | steps[0].state  | done      |
      | steps[0].detail | drained   |
    And chat/r0 has gone through "starting, ready, draining, stopping, stopped"
    And the engine of chat/r0 is gone
    And chat/r0 has no pid file
    And chat/r0 has no handoff file
    And the pool "chat" shows:
      | state               | stopped |
      | live                | false   |
      | ready               | false   |
      | draining            | false   |
      | crashes_total       | 0       |
      | replicas[0].goal    | down    |
      | replicas[0].state   | stopped |
      | replicas[0].pid     | null    |
      | replicas[0].last_exit.code | 0 |
    And the log of chat/r0 comes to hold "cleaning up before exit"
    And there is an event "drain.started" with:
      | pool_id       | chat                   |
      | level         | info                   |
      | active_leases | 0                      |
      | operation_id  | a UUID                 |
      | human         | drain of chat/r0 begins   |
    And there is an event "drain.finished" with:
      | level       | info                      |
      | result      | drained                   |
      | duration_ms | a whole number            |
      | human       | /^chat/r0 drained in [0-9]/    |
    And the metrics come to show:
      | drain_total{pool_id="chat",outcome="drained"}                  | 1 |
      | drain_total{pool_id="chat",outcome="forced"}                   | 0 |
      | pool_drain_duration_ms_count{pool_id="chat",outcome="drained"} | 1 |
      | readiness_transitions_total{replica_id="r0",to="draining"}     | 1 |
    When I run `poolctl status`
    Then it exits with 0
    When the operator drains "chat"
    Then that comes to its end, with:
      | outcome | drained |
      | changed | false   |
    When I run `poolctl start chat`
    Then it exits with 0
    And chat/r0 runs in a new process

  @OC-CTRL-2002 @OC-POOL-3010 @ORCH-3505
  Scenario: Leases that are held and a request that runs are waited for, and nothing new is let in
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And ben leases "chat" for "1h"
    And a request of 20 tokens runs on chat/r0
    And the operator drains "chat"
    Then the answer is 202 with:
      | state         | running |
      | active_leases | 2       |
    And chat/r0 shows:
      | state         | draining |
      | draining      | true     |
      | ready         | false    |
      | live          | true     |
      | goal          | down     |
      | url           | null     |
      | active_leases | 2        |
      | slots_free    | 0        |
    And the pool "chat" shows:
      | state    | draining |
      | draining | true     |
    And chat/r0 has no handoff file
    And the pid file of chat/r0 names its process
    And there is an event "drain.started" with:
      | level         | warn                                       |
      | active_leases | 2                                          |
      | human         | drain of chat/r0 begins, with 2 leases held   |
    And chat/r0 comes to show:
      | inflight | 1                                                           |
      | why      | /^2 leases, 1 running request, forced in (5m\|4m[0-9]+s)$/  |
    When cem leases "chat"
    Then cem is refused with 409 POOL_DRAINING
    And the answer is 409 with:
      | error.retriable | false                            |
      | error.message   | /it is being drained/            |
      | error.hint      | poolctl start chat ends the drain |
    When ana renews for "1h"
    Then ana has a slot of chat/r0
    When ben gives the lease back
    Then chat/r0 shows:
      | active_leases | 1 |
    When ana gives the lease back
    Then chat/r0 shows:
      | state | draining                                                |
      | why   | /^1 running request, forced in (5m\|4m[0-9]+s)$/        |
    Then that request comes to its end, and is answered in full
    And that comes to its end, with:
      | outcome       | drained |
      | active_leases | 2       |
      | cut           | 0       |
    And the engine of chat/r0 is gone
    And there is no event "lease.lost"
    And the metrics come to show:
      | lease_total{pool_id="chat",outcome="refused"}  | 1 |
      | lease_total{pool_id="chat",outcome="released"} | 2 |
      | drain_total{pool_id="chat",outcome="drained"}  | 1 |

  @OC-CTRL-2002
  Scenario: At its deadline it is over, and what was held is lost
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And the operator drains "chat" within "300ms"
    Then that comes to its end, with:
      | state           | succeeded |
      | outcome         | forced    |
      | active_leases   | 1         |
      | cut             | 1         |
      | steps[0].detail | forced    |
    And there is an event "lease.lost" with:
      | holder | ana                                    |
      | level  | warn                                   |
      | reason | /its drain's deadline of 0.3s has passed/ |
    And there is an event "drain.finished" with:
      | level  | warn                                              |
      | result | forced                                            |
      | detail | 1 lease cut                                       |
      | human  | /^chat/r0 drained by force after .*, 1 lease cut$/   |
    And chat/r0 shows:
      | state         | stopped |
      | goal          | down    |
      | crashes_total | 0       |
    When ana renews
    Then ana is refused with 404 LEASE_NOT_FOUND
    And the metrics come to show:
      | drain_total{pool_id="chat",outcome="forced"}                  | 1 |
      | pool_drain_duration_ms_count{pool_id="chat",outcome="forced"} | 1 |
      | lease_total{pool_id="chat",outcome="lost"}                    | 1 |

  @OC-CTRL-2002
  Scenario: The deadline rules over an engine whose count never comes to 0 and which ignores SIGTERM
    Given the pools:
      """
      chat: { stop: { grace: 200ms }, args: [--order, ignore-term, --load-time, 1ms] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When a request of 20 tokens runs on chat/r0
    And the operator drains "chat" within "400ms"
    Then chat/r0 comes to show:
      | state    | draining |
      | inflight | 1        |
    And that comes to its end, with:
      | outcome | forced |
      | cut     | 0      |
    And the engine of chat/r0 is gone
    And the log of chat/r0 comes to hold "ignoring SIGTERM, as ordered"
    And that request is cut off
    And chat/r0 shows:
      | state            | stopped |
      | last_exit.code   | null    |
      | last_exit.signal | SIGKILL |
      | crashes_total    | 0       |

  @OC-CTRL-2002 @OC-POOL-3010
  Scenario: Who asked for it may go away
    Given the pools:
      """
      chat: {}
      code: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    When ana leases "chat" for "1h"
    And the operator asks to drain "chat" and hangs up
    Then chat/r0 becomes draining
    When the operator drains "chat" within "1h"
    Then the answer is 202 and:
      """
      {
        "operation_id": "a UUID", "kind": "drain", "pool_id": "chat", "state": "running", "outcome": null, "changed": true,
        "started_at": "a time", "finished_at": null, "interrupted": false, "active_leases": 1, "inflight": "anything", "cut": 0, "startup_deadline_ms": "anything",
        "steps": [{ "replica_id": "r0", "step": "drain", "state": "running", "detail": null }]
      }
      """
    When the operator waits for that and hangs up
    Then that is under way, with:
      | active_leases | 1 |
    When ana gives the lease back
    Then that comes to its end, with:
      | outcome     | drained |
      | finished_at | a time  |
    And code/r0 is ready

  Scenario: What makes no sense is refused, and drains nothing
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I POST "/v2/pools/chta/drain" with "{}"
    Then the answer is 404 with:
      | error.code | POOL_NOT_FOUND |
    When I POST "/v2/pools/chat/drain" with "{\"replica_id\":\"r7\"}"
    Then the answer is 404 with:
      | error.code | REPLICA_NOT_FOUND |
    When I POST "/v2/pools/chat/drain" with "{\"deadline_ms\":-1}"
    Then the answer is 400 with:
      | error.code | INVALID_PARAMS |
    When I POST "/v2/pools/chat/drain" with "{\"deadline\":\"5m\"}"
    Then the answer is 400 with:
      | error.code | INVALID_PARAMS |
    When I POST "/v2/pools/chat/drain" with "{\"extend\":1}"
    Then the answer is 400 with:
      | error.code | INVALID_PARAMS |
    And chat/r0 has never been draining
    And there is no event "drain.started"

  @OC-CTRL-2002
  Scenario: A second drain joins the first: the earlier deadline counts, unless it is to last longer
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And the operator drains "chat" within "10m"
    And the operator drains "chat" within "1h"
    Then that is the operation of before
    And chat/r0 comes to show:
      | why | /^1 lease, forced in (10m\|9m[0-9]+s)$/ |
    When the operator drains "chat" within "2m"
    Then that is the operation of before
    And chat/r0 shows:
      | why | /^1 lease, forced in (2m\|1m[0-9]+s)$/ |
    When the operator lets the drain of "chat" last for "20m"
    Then that is the operation of before
    And chat/r0 shows:
      | why | /^1 lease, forced in (20m\|19m[0-9]+s)$/ |
    When the operator drains "chat" within "0ms"
    Then that is the operation of before
    And that comes to its end, with:
      | outcome | forced |
      | cut     | 1      |
    And the metrics come to show:
      | drain_total{pool_id="chat",outcome="forced"} | 1 |

  @OC-CTRL-2002
  Scenario: A start ends it, and the same process serves on, with its leases
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And a request of 20 tokens runs on chat/r0
    And the operator drains "chat"
    And chat/r0 becomes draining
    And the operator starts "chat"
    Then that comes to its end, with:
      | kind    | start |
      | outcome | ready |
      | changed | true  |
    And the operation of before ended with:
      | kind    | drain     |
      | outcome | cancelled |
      | cut     | 0         |
    And chat/r0 becomes ready
    And chat/r0 still runs in its first process
    And chat/r0 shows:
      | goal          | up    |
      | draining      | false |
      | incarnation   | 1     |
      | active_leases | 1     |
    And the handoff file of chat/r0 has:
      | pool_id | chat  |
      | pid     | a pid |
    When ana renews
    Then ana has a slot of chat/r0
    When ben leases "chat"
    Then ben has a slot of chat/r0
    Then that request comes to its end, and is answered in full
    And there is an event "drain.finished" with:
      | result | cancelled                                                |
      | human  | chat/r0: drain was cancelled by a start |
    And the metrics come to show:
      | drain_total{pool_id="chat",outcome="cancelled"} | 1 |

  @OC-CTRL-2002
  Scenario: A start that comes when the stop has begun launches it again
    Given the pools:
      """
      chat: { stop: { grace: 300ms }, args: [--load-time, 1ms, --order, ignore-term] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the operator drains "chat"
    And chat/r0 becomes stopping
    And the operator starts "chat"
    Then that comes to its end, with:
      | outcome | ready |
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | state         | ready |
      | goal          | up    |
      | restart_count | 0     |
      | crashes_total | 0     |

  @OC-CTRL-2002
  Scenario: An engine that is only starting has nothing to wait for
    Given the pools:
      """
      chat: { args: [--load-time, 1h] }
      """
    And poolctl is up
    And chat/r0 becomes starting
    When the operator drains "chat"
    Then that comes to its end, with:
      | outcome | drained |
      | changed | true    |
    And chat/r0 has gone through "starting, stopping, stopped"
    And chat/r0 shows:
      | goal          | down |
      | crashes_total | 0    |

  @OC-CTRL-2002
  Scenario: A crash ends it; it was by force for whoever held a lease
    Given the pools:
      """
      chat: {}
      code: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    When ana leases "chat" for "1h"
    And the operator drains "chat"
    And the engine of chat/r0 gets SIGKILL
    Then that comes to its end, with:
      | outcome | forced |
      | cut     | 1      |
    And there is an event "lease.lost" with:
      | holder | ana       |
      | reason | /SIGKILL/ |
    And chat/r0 shows:
      | state         | stopped |
      | goal          | down    |
      | crashes_total | 1       |
      | incarnation   | 1       |
    When a request of 20 tokens runs on code/r0
    And the operator drains "code"
    And code/r0 comes to show:
      | inflight | 1 |
    And the engine of code/r0 gets SIGKILL
    Then that comes to its end, with:
      | outcome | drained |
      | cut     | 0       |

  Scenario: Of an engine whose requests are not to be asked for, leases alone count
    Given the pools:
      """
      chat: { drain: { inflight: off, deadline: 1h } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And a request of 20 tokens runs on chat/r0
    And the operator drains "chat"
    Then chat/r0 shows:
      | inflight | null                                        |
      | why      | /^1 lease, forced in (1h\|59m[0-9]+s)$/     |
    When ana gives the lease back
    Then that comes to its end, with:
      | outcome | drained |
    And that request is cut off

  @OC-POOL-3010
  Scenario: A restart drains one replica after another, and the pool serves throughout
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When ana leases "chat" for "1h"
    And ben leases "chat" for "1h"
    And the operator restarts "chat"
    Then chat/r0 becomes draining
    And chat/r0 shows:
      | goal          | up |
      | active_leases | 1  |
    And chat/r1 is ready
    And the pool "chat" shows:
      | ready    | true  |
      | draining | false |
      | state    | degraded |
    When cem leases "chat"
    Then cem has a slot of chat/r1
    When cem gives the lease back
    And ana gives the lease back
    Then chat/r1 becomes draining
    And chat/r0 is ready
    And chat/r0 runs in a new process
    When dan leases "chat"
    Then dan has a slot of chat/r0
    When ben gives the lease back
    Then that comes to its end, with:
      | kind           | restart |
      | outcome        | ready   |
      | cut            | 0       |
      | steps[0].state | done    |
      | steps[1].state | done    |
    And chat/r1 runs in a new process
    And the pool "chat" has never been without a ready replica
    And these hold leases:
      | dan | chat/r0 |
    And the pool "chat" shows:
      | restart_count | 0 |
      | crashes_total | 0 |
    And there is no event "drain.started"

  @OC-POOL-3010
  Scenario: A restart that is not to wait cuts what is held
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And the operator restarts "chat" without a drain
    Then that comes to its end, with:
      | outcome | ready |
      | cut     | 1     |
    And chat/r0 has never been draining
    And chat/r0 runs in a new process
    And nobody holds a lease any more

  @OC-POOL-3001 @OC-CTRL-2002
  Scenario: A supervisor that is killed during a drain leaves it to the next one
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And a request of 20 tokens runs on chat/r0
    And the operator drains "chat" within "1h"
    And chat/r0 becomes draining
    And poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then chat/r0 becomes draining
    And chat/r0 comes to show:
      | goal     | down                                                |
      | adopted  | true                                                |
      | ready    | false                                               |
      | inflight | 1                                                   |
      | why      | /^1 running request, forced in (1h\|59m[0-9]+s)$/   |
    And chat/r0 has no handoff file
    And there is an event "lease.lost" with:
      | holder | ana |
    When ben leases "chat"
    Then ben is refused with 409 POOL_DRAINING
    Then that request comes to its end, and is answered in full
    And chat/r0 becomes stopped
    And chat/r0 shows:
      | goal          | down |
      | pid           | null |
      | crashes_total | 0    |
    And the engine of chat/r0 is gone
    And chat/r0 has no pid file

  @OC-POOL-3010
  Scenario: A supervisor that is told to end drains first, and its next one starts everything
    Given the supervisor setting "shutdown_deadline: 10m"
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And poolctl is told to end by SIGTERM
    Then chat/r0 becomes draining
    And chat/r0 has no handoff file
    When ben leases "chat"
    Then ben is refused with 503 SHUTTING_DOWN
    When ana renews
    Then ana has a slot of chat/r0
    When ana gives the lease back
    Then poolctl ends with 0
    And no process, pid file, handoff file or socket is left
    And there is no event "lease.lost"
    When poolctl is up
    Then chat/r0 becomes ready

  @OC-POOL-3010
  Scenario: Told to end, it waits no longer than it may
    Given the supervisor setting "shutdown_deadline: 300ms"
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And poolctl is told to end by SIGTERM
    Then poolctl ends with 0
    And there is an event "lease.lost" with:
      | holder | ana                  |
      | reason | /deadline of 0.3s/  |
    And no process, pid file, handoff file or socket is left

  @OC-POOL-3010
  Scenario: Told twice, it stops its engines at once; told three times, it kills them
    Given the supervisor setting "shutdown_deadline: 10m"
    And the pools:
      """
      chat: { stop: { grace: 10m } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "ignore-term"
    And ana leases "chat" for "1h"
    And poolctl is told to end by SIGTERM
    Then chat/r0 becomes draining
    When poolctl is told to end by SIGTERM
    Then chat/r0 becomes stopping
    And nobody holds a lease any more
    And the log of chat/r0 comes to hold "ignoring SIGTERM, as ordered"
    When poolctl is told to end by SIGTERM
    Then poolctl ends with 143
    And no process, pid file, handoff file or socket is left
