Feature: Pools over HTTP: what they are, and what they are to do
  One body tells everything that the supervisor knows; `poolctl status --json` prints the same. Wishes are taken with 202 and an
  operation, or refused with a code that a program can act on.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 250ms }
      restart: { backoff: { initial: 100ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3001
  Scenario: All that is known, in one body
    Given a machine with 1 GPU
    And the model "tiny.gguf"
    And the pools:
      """
      chat: { model: tiny.gguf, device_masks: [0] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r0 comes to show:
      | inflight | 0 |
    When I GET "/v2/pools"
    Then the answer is 200 and:
      """
      {
        "api_version": "v2",
        "stale": false,
        "supervisor": {
          "version": "a text",
          "pid": "a pid",
          "started_at": "a time",
          "uptime_seconds": "a number",
          "socket": "{dir}/state/poolctl.sock",
          "listen": null,
          "inventory": "{dir}/pools.yaml",
          "state_dir": "{dir}/state",
          "containment": "a text",
          "event_loop_lag_ms": "a whole number",
          "unsaved": []
        },
        "pools": [
          {
            "pool_id": "chat",
            "engine": "demo",
            "engine_version": "demo-1",
            "model_id": "tiny",
            "model_ref": "{dir}/tiny.gguf",
            "override": null,
            "state": "ready",
            "live": true,
            "ready": true,
            "draining": false,
            "active_leases": 0,
            "slots_total": 4,
            "slots_free": 4,
            "restart_count": 0,
            "crash_count": 0,
            "restarts_total": 0,
            "crashes_total": 0,
            "last_crash_at": null,
            "last_error": null,
            "device_masks": ["0"],
            "drain_deadline_ms": 300000,
            "breaker": {
              "state": "closed", "failures": 0, "retry_at": null, "cuda": { "state": "closed", "failures": 0, "retry_at": null }
            },
            "storm": { "restarts_in_window": 0, "storming": false },
            "replicas": [
              {
                "replica_id": "r0",
                "state": "ready",
                "goal": "up",
                "live": true,
                "ready": true,
                "draining": false,
                "why": null,
                "device_mask": "0",
                "devices": ["GPU-00000000-1111-2222-3333-444444444444"],
                "pid": "a pid",
                "incarnation": 1,
                "adopted": false,
                "host": "127.0.0.1",
                "port": {port},
                "url": "http://127.0.0.1:{port}",
                "started_at": "a time",
                "ready_at": "a time",
                "uptime_seconds": "a number",
                "last_heartbeat_ms": "a time of today",
                "active_leases": 0,
                "inflight": 0,
                "slots_total": 4,
                "slots_free": 4,
                "model_id": "tiny",
                "model_ref": "{dir}/tiny.gguf",
                "engine_version": "demo-1",
                "restart_count": 0,
                "crash_count": 0,
                "restarts_total": 0,
                "crashes_total": 0,
                "last_crash_at": null,
                "backoff": null,
                "breaker": {
                  "state": "closed", "failures": 0, "retry_at": null, "cuda": { "state": "closed", "failures": 0, "retry_at": null }
                },
                "last_exit": null,
                "last_error": null,
                "perf": "anything"
              }
            ]
          }
        ],
        "devices": [
          {
            "index": "0",
            "uuid": "GPU-00000000-1111-2222-3333-444444444444",
            "name": "NVIDIA GeForce RTX 3090",
            "vendor": "nvidia",
            "vram_total_bytes": 25769803776,
            "vram_free_bytes": 25270681600,
            "compute_capability": "8.6",
            "utilization_percent": 0,
            "temperature_celsius": 41,
            "power_watts": 28.55,
            "mig": false,
            "healthy": true,
            "ailment": null,
            "age_seconds": "a number",
            "pools": ["chat"],
            "processes": null
          }
        ]
      }
      """

  @OC-POOL-3011
  Scenario: One pool, with the exit of an engine and the wait for the next
    Given the pools:
      """
      chat: { restart: { backoff: { initial: 5m, max: 5m } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "crash?code=3"
    And chat/r0 becomes backoff
    And I GET "/v2/pools/chat"
    Then the answer is 200 with:
      | pool_id                     | chat   |
      | state                       | backoff |
      | last_crash_at               | a time |
      | replicas[0].started_at      | null   |
      | replicas[0].ready_at        | null   |
      | replicas[0].uptime_seconds  | null   |
      | replicas[0].port            | {port} |
      | replicas[0].devices         | []     |
      | replicas[0].device_mask     | cpu    |
    And chat/r0 shows:
      | backoff.delay_ms         | 300000   |
      | backoff.attempt          | 1        |
      | backoff.next_restart_at  | a time   |
      | last_exit.code           | 3        |
      | last_exit.signal         | null     |
      | last_exit.class          | a text   |
      | last_exit.subclass       | null     |
      | last_exit.at             | a time   |
      | last_exit.uptime_seconds | a number |
      | last_exit.incarnation    | 1        |
      | last_exit.restartable    | true     |

  Scenario: The command prints the body of the API
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I run `poolctl status --json`
    Then it exits with 0
    And it prints JSON with:
      | api_version                | v2     |
      | stale                      | false  |
      | pools[0].replicas[0].state | ready  |
    When I run `poolctl down`
    And I run `poolctl status --json`
    Then it exits with 6
    And it prints JSON with:
      | stale                      | true   |
      | pools[0].pool_id           | chat   |

  Scenario: What is not there
    Given the pools:
      """
      chat: {}
      code: {}
      """
    And poolctl is up
    Then each of these is answered so:
      | method | path                            | status | error.code          | error.message                                            | error.hint                         | error.retriable |
      | GET    | /v2/pools/chta                  | 404    | POOL_NOT_FOUND      | cannot show "chta": there is no such pool                | pools: chat, code                  | false           |
      | POST   | /v2/pools/chta/start            | 404    | POOL_NOT_FOUND      | cannot start "chta": there is no such pool               | pools: chat, code                  | false           |
      | POST   | /v2/pools/chta/stop             | 404    | POOL_NOT_FOUND      | cannot stop "chta": there is no such pool                | pools: chat, code                  | false           |
      | GET    | /v2/pools/chta/replicas/r0/logs | 404    | POOL_NOT_FOUND      | cannot show the log of "chta": there is no such pool     | pools: chat, code                  | false           |
      | GET    | /v2/pools/chat/replicas/r7/logs | 404    | REPLICA_NOT_FOUND   | cannot show the log of "chat/r7": there is no such replica | replicas: chat/r0                | false           |
      | GET    | /v2/operations/none             | 404    | OPERATION_NOT_FOUND | cannot show operation "none": there is no such operation | /^operations are kept for an hour/ | false           |
      | GET    | /v2/nothing                     | 404    | NOT_FOUND           | cannot GET /v2/nothing: there is no such route           | a text                             | false           |
      | GET    | /v2/pools/                      | 404    | NOT_FOUND           | cannot GET /v2/pools/: there is no such route            | a text                             | false           |

  Scenario: A stop is taken with an operation, which can be waited for
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    When I POST "/v2/pools/chat/stop" with "{}"
    Then the answer is 202 with:
      | operation_id | a text  |
      | kind         | stop    |
      | pool_id      | chat    |
      | state        | running |
      | finished_at  | null    |
    And I note the operation
    When I GET "/v2/operations/{operation}?wait_ms=40000"
    Then the answer is 200 and:
      """
      {
        "operation_id": "a UUID",
        "kind": "stop",
        "pool_id": "chat",
        "state": "succeeded",
        "outcome": "stopped",
        "changed": true,
        "started_at": "a time",
        "finished_at": "a time",
        "interrupted": false,
        "active_leases": 0,
        "inflight": "anything",
        "cut": 0,
        "startup_deadline_ms": null,
        "steps": [
          { "replica_id": "r0", "step": "stop", "state": "done", "detail": "stopped" },
          { "replica_id": "r1", "step": "stop", "state": "done", "detail": "stopped" }
        ]
      }
      """
    And chat/r0 is stopped
    And chat/r1 is stopped

  Scenario Outline: <verb> of one replica touches that one alone
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    When I POST "/v2/pools/chat/<verb>" with "{\"replica_id\":\"r1\"}"
    Then the answer is 202 with:
      | kind                | <verb>    |
      | changed             | <changed> |
      | steps[0].replica_id | r1        |
      | steps[1]            | nothing   |
    And I note the operation
    When I GET "/v2/operations/{operation}?wait_ms=40000"
    Then the answer is 200 with:
      | state   | succeeded |
      | outcome | <outcome> |
    And chat/r0 still runs in its first process
    And chat/r1 is <state>

    Examples:
      | verb    | changed | outcome | state   |
      | start   | false   | ready   | ready   |
      | stop    | true    | stopped | stopped |
      | restart | true    | ready   | ready   |

  Scenario: A wait that is shorter than the operation answers with what is so far
    Given the pools:
      """
      chat: { args: [--order, unhealthy] }
      """
    And poolctl is up
    And chat/r0 becomes starting
    When I POST "/v2/pools/chat/start"
    Then the answer is 202 with:
      | state               | running |
      | startup_deadline_ms | a number |
    And I note the operation
    When I GET "/v2/operations/{operation}?wait_ms=100"
    Then the answer is 200 with:
      | state          | running |
      | steps[0].state | running |
    When the engine of chat/r0 is told to "healthy"
    And I GET "/v2/operations/{operation}?wait_ms=40000"
    Then the answer is 200 with:
      | state   | succeeded |
      | outcome | ready     |

  Scenario: A start that comes to nothing says so
    Given the pools:
      """
      nope: { engine: command, command: [/nowhere], args: [], autostart: false }
      """
    And poolctl is up
    When I POST "/v2/pools/nope/start"
    Then the answer is 202
    And I note the operation
    When I GET "/v2/operations/{operation}?wait_ms=40000"
    Then the answer is 200 with:
      | state          | failed                                                                       |
      | outcome        | failed                                                                       |
      | steps[0].state | failed                                                                       |
      | error.code     | OPERATION_FAILED                                                             |
      | error.message  | /^cannot start nope\/r0: cannot run "\/nowhere": there is no such file/      |
      | error.hint     | poolctl logs nope/r0                                                         |

  Scenario: A stop overrides a start that still runs
    Given the pools:
      """
      chat: { args: [--order, unhealthy], autostart: false }
      """
    And poolctl is up
    When I POST "/v2/pools/chat/start"
    Then I note the operation
    When chat/r0 becomes starting
    And I POST "/v2/pools/chat/stop"
    Then the answer is 202
    And chat/r0 becomes stopped
    When I GET "/v2/operations/{operation}"
    Then the answer is 200 with:
      | state         | failed                           |
      | outcome       | cancelled                        |
      | error.message | start was cancelled by a stop    |

  Scenario: A second restart beside one that runs is refused, and says when to come again
    Given the pools:
      """
      chat: { args: [--load-time, 20ms, --order, ignore-term], stop: { grace: 5m } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I POST "/v2/pools/chat/restart"
    Then the answer is 202
    When I POST "/v2/pools/chat/restart"
    Then the answer is 409 with:
      | error.code           | OPERATION_IN_PROGRESS                                                |
      | error.message        | /^cannot restart "chat": a restart of it is running \(operation .+\)$/ |
      | error.retriable      | true                                                                 |
      | error.retry_after_ms | a number                                                             |
      | error.pool_id        | chat                                                                 |
    And the header "retry-after" of the answer is "/^\d+$/"

  Scenario: While the supervisor ends it takes no wishes
    Given the pools:
      """
      deaf: { args: [--load-time, 20ms, --order, ignore-term], stop: { grace: 5m } }
      """
    And poolctl is up
    And deaf/r0 becomes ready
    When poolctl is told to end by SIGTERM
    And deaf/r0 becomes stopping
    And I POST "/v2/pools/deaf/start"
    Then the answer is 503 with:
      | error.code           | SHUTTING_DOWN                                                 |
      | error.message        | cannot start "deaf": the supervisor is shutting down          |
      | error.retriable      | true                                                          |
      | error.retry_after_ms | a number                                                      |
    And the header "retry-after" of the answer is "/^\d+$/"
    When I GET "/v2/pools/deaf"
    Then the answer is 200 with:
      | state             | stopping |
      | replicas[0].goal  | down     |

  Scenario: Bodies that make no sense are refused by what is wrong with them
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    Then each of these is answered so:
      | method | path                | body                     | status | error.code        | error.pool_id | error.message                                                                |
      | POST   | /v2/pools/chat/stop | stop it                  | 400    | INVALID_PARAMS    | chat          | cannot read the body: it is not JSON, it begins with "stop it"               |
      | POST   | /v2/pools/chat/stop | []                       | 400    | INVALID_PARAMS    | chat          | cannot read the body: it must be a JSON object, not []                       |
      | POST   | /v2/pools/chat/stop | null                     | 400    | INVALID_PARAMS    | chat          | cannot read the body: it must be a JSON object, not null                     |
      | POST   | /v2/pools/chat/stop | {"replica":"r0"}         | 400    | INVALID_PARAMS    | chat          | cannot use the field "replica": it is not known here                         |
      | POST   | /v2/pools/chat/stop | {"replica_id":0}         | 400    | INVALID_PARAMS    | chat          | cannot use "replica_id": it must be a replica id such as "r0", not 0         |
      | POST   | /v2/pools/chat/stop | {"replica_id":"chat/r0"} | 400    | INVALID_PARAMS    | chat          | cannot use "replica_id": it must be a replica id such as "r0", not "chat/r0" |
      | POST   | /v2/pools/chat/stop | {"deadline_ms":-1}       | 400    | INVALID_PARAMS    | chat          | cannot use "deadline_ms": it must be a whole number of milliseconds, 0 or more, not -1 |
      | POST   | /v2/pools/chat/stop | {"now":"yes"}            | 400    | INVALID_PARAMS    | chat          | cannot use "now": it must be true or false, not "yes"                        |
      | POST   | /v2/pools/chat/stop | {"replica_id":"r9"}      | 404    | REPLICA_NOT_FOUND | chat          | cannot stop "chat/r9": there is no such replica                              |
    And the pool "chat" shows:
      | replicas[0].goal | up |

  Scenario: Bodies of another type, too large bodies and broken queries are refused
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    When I POST "/v2/pools/chat/stop" with the text "{}"
    Then the answer is 415 with:
      | error.code    | UNSUPPORTED_MEDIA_TYPE                                                                     |
      | error.message | cannot read the body: its content type must be application/json, not "text/plain"          |
    When I POST "/v2/pools/chat/stop" with 65 KiB
    Then the answer is 413 with:
      | error.code    | PAYLOAD_TOO_LARGE                                   |
      | error.message | cannot read the body: it is larger than 64 KiB      |
    When I GET "/v2/operations/x?wait_ms=soon"
    Then the answer is 400 with:
      | error.message | cannot use "wait_ms": it must be a whole number, 0 or more, not "soon" |
    When I GET "/v2/pools/%zz"
    Then the answer is 400 with:
      | error.code    | INVALID_PARAMS                                                                   |
    When I POST "/v2/shutdown" with "{\"keep_engines\":1}"
    Then the answer is 400 with:
      | error.code    | INVALID_PARAMS |
    And the pool "chat" shows:
      | replicas[0].goal | up |

  Scenario: What a request has caused carries its correlation id
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I POST "/v2/pools/chat/stop" with the header "X-Correlation-Id: tidy-up-1"
    Then the answer is 202
    And there is an event "replica.stopping" with:
      | correlation_id | tidy-up-1 |
    And there is an event "operation.finished" with:
      | correlation_id | tidy-up-1 |
      | kind           | stop      |
      | result         | stopped   |

  Scenario: The supervisor can be ended by a request
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I POST "/v2/shutdown" with "{}"
    Then the answer is 202 with:
      | kind    | shutdown |
      | pool_id | null     |
    And poolctl ends with 0
    And no process, pid file, handoff file or socket is left

  Scenario: What the pools can do
    Given the pools:
      """
      chat: { args: [--load-time, 20ms, --ctx-size, "512"] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I GET "/v2/meta/capabilities"
    Then the answer is 200 and:
      """
      {
        "api_version": "v2",
        "version": "a text",
        "engines": [
          {
            "pool_id": "chat",
            "engine": "demo",
            "engine_version": "demo-1",
            "model_id": null,
            "ctx_max": 512,
            "slots_total": 4,
            "supported_workloads": [],
            "features": ["leases", "drain", "running-requests", "perf"]
          }
        ]
      }
      """
