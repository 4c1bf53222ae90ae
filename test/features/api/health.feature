Feature: Asking for health over HTTP
  A watchdog asks the supervisor whether it lives, an orchestrator asks a pool whether it can take work. Both get an answer at once,
  from what the supervisor knows: no engine is asked.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 50ms, timeout: 10s, failure_threshold: 1, restart_after: never }
      restart: { backoff: { initial: 100ms, min: 0ms, jitter: 0 } }
      """

  Scenario: The supervisor's own health
    Given the pools:
      """
      nope: { engine: command, command: [/nowhere], args: [] }
      """
    And poolctl is up
    And nope/r0 becomes failed
    When I GET "/health"
    Then the answer is 200 and:
      """
      { "status": "ok", "version": "/^\\d+\\.\\d+\\.\\d+/" }
      """
    And the header "content-type" of the answer is "application/json; charset=utf-8"
    When I HEAD "/health"
    Then the answer is 200
    And the answer has no body

  @OC-POOL-3001 @OC-POOL-3010
  Scenario: A pool's health from its first launch to its end
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu], args: [--load-time, 20ms, --order, unhealthy] }
      """
    And poolctl is up
    And chat/r0 becomes starting
    And chat/r1 becomes starting
    When I GET "/v2/pools/chat/health"
    Then the answer is 200 and:
      """
      {
        "pool_id": "chat",
        "live": true,
        "ready": false,
        "draining": false,
        "active_leases": 0,
        "slots_total": null,
        "slots_free": 0,
        "engine_version": null,
        "last_error": null,
        "last_heartbeat_ms": null,
        "metrics": { "vram_total_bytes": null, "vram_free_bytes": null, "inflight": null, "restart_count": 0, "perf": null }
      }
      """
    When the engine of chat/r0 is told to "healthy"
    And chat/r0 becomes ready
    And chat/r0 comes to show:
      | inflight | 0 |
    And I GET "/v2/pools/chat/health"
    Then the answer is 200 and:
      """
      {
        "pool_id": "chat",
        "live": true,
        "ready": true,
        "draining": false,
        "active_leases": 0,
        "slots_total": 4,
        "slots_free": 4,
        "engine_version": "demo-1",
        "last_error": null,
        "last_heartbeat_ms": "a time of today",
        "metrics": { "vram_total_bytes": null, "vram_free_bytes": null, "inflight": 0, "restart_count": 0, "perf": null }
      }
      """
    When the engine of chat/r0 is told to "unhealthy"
    And chat/r0 becomes unhealthy
    And I GET "/v2/pools/chat/health"
    Then the answer is 200 with:
      | live       | true                                            |
      | ready      | false                                           |
      | slots_free | 0                                               |
      | last_error | health check failed: HTTP 503, 1 times in a row |
    When I run `poolctl stop chat`
    And I GET "/v2/pools/chat/health"
    Then the answer is 200 with:
      | live              | false |
      | ready             | false |
      | draining          | false |
      | slots_total       | null  |
      | slots_free        | 0     |
      | last_heartbeat_ms | null  |
      | engine_version    | null  |

  @OC-POOL-3011
  Scenario: After a crash the pool is neither live nor ready, and says why
    Given the pools:
      """
      chat: { restart: { backoff: { initial: 5m, max: 5m } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "crash?code=3"
    And chat/r0 becomes backoff
    And I GET "/v2/pools/chat/health"
    Then the answer is 200 with:
      | live       | false                        |
      | ready      | false                        |
      | last_error | /^exited with code 3 after / |

  Scenario: The memory of a pool is that of the devices it runs on
    Given a machine with 3 GPUs
    And the pools:
      """
      chat: { device_masks: [[0, 1]] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I GET "/v2/pools/chat/health"
    Then the answer is 200 with:
      | metrics.vram_total_bytes | 51539607552 |
      | metrics.vram_free_bytes  | 50541363200 |

  Scenario: A pool that is not there
    Given the pools:
      """
      chat: {}
      code: {}
      """
    And poolctl is up
    When I GET "/v2/pools/chta/health"
    Then the answer is 404 and:
      """
      {
        "error": {
          "code": "POOL_NOT_FOUND",
          "message": "cannot show \"chta\": there is no such pool",
          "hint": "pools: chat, code",
          "pool_id": "chta",
          "retriable": false
        }
      }
      """

  Scenario: Methods that a route does not take
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    Then each of these is answered so:
      | method | path                  | status | allow     | error.code         | error.message                                               | error.retriable |
      | POST   | /health               | 405    | GET, HEAD | METHOD_NOT_ALLOWED | cannot POST /health: it takes GET or HEAD                   | false           |
      | DELETE | /v2/pools/chat/health | 405    | GET, HEAD | METHOD_NOT_ALLOWED | cannot DELETE /v2/pools/chat/health: it takes GET or HEAD   | false           |
      | PUT    | /v2/pools             | 405    | GET, HEAD | METHOD_NOT_ALLOWED | cannot PUT /v2/pools: it takes GET or HEAD                  | false           |
      | GET    | /v2/pools/chat/start  | 405    | POST      | METHOD_NOT_ALLOWED | cannot GET /v2/pools/chat/start: it takes POST              | false           |

  Scenario Outline: A correlation id is echoed when it can be one, and made otherwise: <given>
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    When I GET "/v2/pools/<pool>/health" with the header "X-Correlation-Id: <given>"
    Then the answer is <status>
    And the header "x-correlation-id" of the answer is "<told>"

    Examples:
      | pool | given          | status | told           |
      | chat | night-run_7:a. | 200    | night-run_7:a. |
      | nope | night-run_7:a. | 404    | night-run_7:a. |
      | chat | two words      | 200    | a UUID         |
      | chat | semi;colon     | 200    | a UUID         |

  Scenario: Without a correlation id each answer gets one of its own
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    When I GET "/health"
    Then the header "x-correlation-id" of the answer is "a UUID"
