Feature: Leases
  Who wants to send requests claims a slot first: of the least loaded replica that is ready, counted, and for a time. A claim ends when it
  is given back, when nobody renews it, or when its engine ends, and once only. Nobody is given what is not there.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms, --slots, "2"]
      health: { startup_interval: 50ms, interval: 50ms, failure_threshold: 1, restart_after: never }
      restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 } }
      """

  @ORCH-3502 @ORCH-3505
  Scenario: The least loaded replica is chosen, and of equals the first, until all are full
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When ana leases "chat"
    Then the answer is 201 and:
      """
      {
        "lease_id": "a UUID", "pool_id": "chat", "replica_id": "r0", "url": "http://127.0.0.1:{port}", "model_id": null,
        "holder": "ana", "granted_at": "a time", "expires_at": "a time"
      }
      """
    When ben leases "chat"
    Then ben has a slot of chat/r1
    When cem leases "chat"
    Then cem has a slot of chat/r0
    When dan leases "chat"
    Then dan has a slot of chat/r1
    And the pool "chat" shows:
      | active_leases             | 4 |
      | slots_total               | 4 |
      | slots_free                | 0 |
      | replicas[0].active_leases | 2 |
      | replicas[1].active_leases | 2 |
    When eve leases "chat"
    Then eve is refused with 429 NO_FREE_SLOT
    And the header "Retry-After" of the answer is "/^1$/"
    And the answer is 429 with:
      | error.retriable      | true                                               |
      | error.retry_after_ms | 1000                                               |
      | error.message        | cannot lease "chat": all of its slots (4) are taken |
    When ben gives the lease back
    And eve leases "chat"
    Then eve has a slot of chat/r1
    And these hold leases:
      | ana | chat/r0 |
      | cem | chat/r0 |
      | dan | chat/r1 |
      | eve | chat/r1 |
    And the metrics come to show:
      | lease_total{pool_id="chat",outcome="granted"}    | 5 |
      | lease_total{pool_id="chat",outcome="released"}   | 1 |
      | lease_total{pool_id="chat",outcome="refused"}    | 1 |
      | active_leases{pool_id="chat",replica_id="r1"}    | 2 |
      | slots_free{pool_id="chat",replica_id="r0"}       | 0 |

  @ORCH-3502
  Scenario: One replica and no other, where it is named
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When ana leases "chat/r1"
    Then ana has a slot of chat/r1
    When ben leases "chat/r1"
    Then ben has a slot of chat/r1
    When cem leases "chat/r1"
    Then cem is refused with 429 NO_FREE_SLOT
    When cem leases "chat/r2"
    Then cem is refused with 404 REPLICA_NOT_FOUND
    When cem leases "chta"
    Then cem is refused with 404 POOL_NOT_FOUND
    And these hold leases:
      | ana | chat/r1 |
      | ben | chat/r1 |

  @ORCH-3502
  Scenario: Given back twice does no harm, and no count falls below zero
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat"
    And ben leases "chat"
    And ana gives the lease back
    And ana gives the lease back
    Then these hold leases:
      | ben | chat/r0 |
    When ben gives the lease back
    And ben gives the lease back
    Then the pool "chat" shows:
      | active_leases | 0 |
      | slots_free    | 2 |
    When ben renews
    Then ben is refused with 404 LEASE_NOT_FOUND
    And the metrics come to show:
      | lease_total{pool_id="chat",outcome="released"} | 2 |

  @ORCH-3502
  Scenario: While no replica is ready there are none
    Given the pools:
      """
      chat: {}
      off: { autostart: false }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "off"
    Then ana is refused with 503 POOL_UNREADY
    And the answer is 503 with:
      | error.retriable | false                                                       |
      | error.message   | cannot lease "off": no replica is ready (off/r0 is stopped) |
    When the engine of chat/r0 is told to "unhealthy"
    And chat/r0 becomes unhealthy
    And ana leases "chat"
    Then ana is refused with 503 POOL_UNREADY
    And the header "Retry-After" of the answer is "/^1$/"
    When the engine of chat/r0 is told to "healthy"
    And chat/r0 becomes ready
    And ana leases "chat"
    Then ana has a slot of chat/r0

  @ORCH-3502
  Scenario: While a breaker is open the answer says when it is tried again
    Given the pools:
      """
      chat: { restart: { breaker: { threshold: 2, open_for: 5m } } }
      """
    And poolctl is up
    And the engine of chat/r0 dies 2 times in a row
    And chat/r0 becomes broken
    When ana leases "chat"
    Then ana is refused with 503 POOL_UNREADY
    And the answer is 503 with:
      | error.retriable      | true                           |
      | error.retry_after_ms | a positive number              |
      | error.hint           | /one launch is tried in [45]m/ |

  @ORCH-3505
  Scenario: Who renews keeps it, who does not loses it
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "500ms"
    And ana renews for "1h"
    Then ana has a slot of chat/r0
    When ben leases "chat" for "300ms"
    Then there is an event "lease.expired" with:
      | pool_id       | chat   |
      | replica_id    | r0     |
      | holder        | ben    |
      | lease_id      | a UUID |
      | active_leases | 1      |
      | level         | info   |
    And these hold leases:
      | ana | chat/r0 |
    When ben renews
    Then ben is refused with 404 LEASE_NOT_FOUND
    When ana renews for "200ms"
    Then nobody holds a lease any more
    And the metrics come to show:
      | lease_total{pool_id="chat",outcome="expired"} | 2 |

  @ORCH-3502 @ORCH-3505
  Scenario: An engine that dies takes its leases with it, and nobody else's
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      code: {}
      """
    And poolctl is up
    And every replica of "chat" is ready
    And code/r0 becomes ready
    When ana leases "chat/r0"
    And ben leases "chat/r1"
    And cem leases "code"
    And dan leases "code"
    And the engine of chat/r0 gets SIGKILL
    Then there is an event "lease.lost" with:
      | pool_id    | chat      |
      | replica_id | r0        |
      | holder     | ana       |
      | level      | warn      |
      | reason     | /SIGKILL/ |
    And these hold leases:
      | ben | chat/r1 |
      | cem | code/r0 |
      | dan | code/r0 |
    When ana renews
    Then ana is refused with 404 LEASE_NOT_FOUND
    # A full pool takes nothing of another.
    When eve leases "code"
    Then eve is refused with 429 NO_FREE_SLOT
    When eve leases "chat/r1"
    Then eve has a slot of chat/r1
    When chat/r0 becomes ready
    And every replica of "chat" is ready
    And ana leases "chat"
    Then ana has a slot of chat/r0
    And the metrics come to show:
      | lease_total{pool_id="chat",outcome="lost"} | 1 |
      | lease_total{pool_id="code",outcome="lost"} | 0 |

  @ORCH-3505
  Scenario: A stop ends them as well
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat"
    And I run `poolctl stop chat`
    Then it exits with 0
    And there is an event "lease.lost" with:
      | holder | ana |
    And nobody holds a lease any more
    When ana leases "chat"
    Then ana is refused with 503 POOL_UNREADY

  @ORCH-3505 @OC-POOL-3001
  Scenario: No lease outlives its supervisor, and the next one says which are lost
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat" for "1h"
    And poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    Then there is an event "lease.lost" with:
      | pool_id       | chat                                       |
      | replica_id    | r0                                         |
      | holder        | ana                                        |
      | active_leases | 0                                          |
      | reason        | the supervisor that granted it has ended   |
    And chat/r0 becomes ready
    And chat/r0 still runs in its first process
    When ana renews
    Then ana is refused with 404 LEASE_NOT_FOUND
    And the pool "chat" shows:
      | active_leases | 0 |
      | slots_free    | 2 |

  @ORCH-3502
  Scenario: A supervisor that is ending grants none
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When ana leases "chat"
    And poolctl is told to end by SIGTERM
    And chat/r0 becomes draining
    And ben leases "chat"
    Then ben is refused with 503 SHUTTING_DOWN
    And the answer is 503 with:
      | error.retriable | true |

  Scenario: From a script, with a command that knows where to send its requests
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I run `poolctl lease run --holder night chat -- printenv POOLCTL_URL`
    Then it exits with 0
    And it prints:
      """
      http://127.0.0.1:{port}
      """
    And nobody holds a lease any more
    When I run `poolctl lease acquire chat/r0 --holder ana --json`
    Then it exits with 0
    And it prints JSON with:
      | replica_id | r0                      |
      | holder     | ana                     |
      | url        | http://127.0.0.1:{port} |
    When I run `poolctl lease acquire chat`
    Then it exits with 0
    When I run `poolctl lease acquire chat --wait 100ms`
    Then it exits with 7
    And the pool "chat" shows:
      | active_leases | 2 |
