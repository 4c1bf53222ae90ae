Feature: Health of an engine that serves
  A miss is no drama, several in a row are: the engine is unready, its handoff file goes, and nobody is sent to it until it is well
  again, or has been replaced. The supervisor itself takes no harm from what an engine answers.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 50ms, timeout: 10s }
      restart: { backoff: { initial: 100ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3010
  Scenario: So many misses in a row make an engine unhealthy, and it is well again by itself
    Given the pools:
      """
      chat: { health: { failure_threshold: 3, restart_after: never } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "unhealthy"
    And chat/r0 has missed 1 probes in a row
    And chat/r0 has missed 2 probes in a row
    And chat/r0 has missed 3 probes in a row
    Then chat/r0 becomes unhealthy, told with:
      | failure_count | 3        |
      | reason        | HTTP 503 |
      | level         | warn     |
    And chat/r0 has no handoff file
    And chat/r0 shows:
      | state      | unhealthy                                        |
      | goal       | up                                               |
      | live       | true                                             |
      | ready      | false                                            |
      | url        | null                                             |
      | slots_free | 0                                                |
      | why        | HTTP 503                                         |
      | last_error | health check failed: HTTP 503, 3 times in a row  |
    And the pool "chat" shows:
      | state      | unhealthy |
      | live       | true      |
      | ready      | false     |
      | last_error | /HTTP 503/ |
    When I run `poolctl status`
    Then it exits with 3
    When the engine of chat/r0 is told to "healthy"
    Then chat/r0 becomes ready, told with:
      | because | recovered |
    And chat/r0 still runs in its first process
    And the handoff file of chat/r0 has:
      | url | http://127.0.0.1:{port} |
    And chat/r0 shows:
      | ready         | true |
      | slots_free    | 4    |
      | last_error    | null |
      | why           | null |
      | restart_count | 0    |
      | crash_count   | 0    |

  @OC-POOL-3010
  Scenario: Fewer misses change nothing
    Given the pools:
      """
      chat: { health: { failure_threshold: 10000 } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "unhealthy"
    And chat/r0 has missed 4 probes in a row
    Then chat/r0 is ready
    And the handoff file of chat/r0 has:
      | pool_id | chat |
    When the engine of chat/r0 is told to "healthy"
    Then the heart of chat/r0 beats on
    When the engine of chat/r0 is told to "unhealthy"
    Then chat/r0 has missed 1 probes in a row
    And chat/r0 has gone through "starting, ready"

  @OC-POOL-3010
  Scenario: One good answer is not enough where more are asked for
    Given the pools:
      """
      chat: { health: { failure_threshold: 1, success_threshold: 10000, restart_after: never } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "unhealthy"
    And chat/r0 becomes unhealthy
    And the engine of chat/r0 is told to "healthy"
    Then the heart of chat/r0 beats on
    And chat/r0 is unhealthy
    And chat/r0 has no handoff file

  @OC-POOL-3010
  Scenario Outline: An engine that stays ill is replaced: <ill>
    Given the pools:
      """
      chat: { health: { failure_threshold: 2, timeout: <timeout>, restart_after: <after> } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "<ill>"
    Then chat/r0 becomes unhealthy with the reason "<reason>"
    And chat/r0 becomes stopping
    And chat/r0 becomes backoff, told with:
      | crash_reason | health                                                     |
      | reason       | /^health check failed: unhealthy for \S+ \(<reason>\)$/    |
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | restart_count   | 1    |
      | crash_count     | 1    |
      | last_exit.class | hang |
      | last_error      | null |
    And there is an event "replica.crashed" with:
      | crash_class | hang |
      | crash_count | 1    |

    Examples:
      | ill       | after | timeout | reason             |
      | unhealthy | 200ms | 10s     | HTTP 503           |
      | unhealthy | 0s    | 10s     | HTTP 503           |
      | hang      | 100ms | 500ms   | no answer in 500ms |

  @OC-POOL-3010
  Scenario: A frozen process is unhealthy, and ready when it moves again
    Given the pools:
      """
      chat: { health: { failure_threshold: 2, timeout: 500ms, restart_after: never } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGSTOP
    Then chat/r0 becomes unhealthy
    And chat/r0 shows:
      | live | true |
    When the engine of chat/r0 gets SIGCONT
    Then chat/r0 becomes ready
    And chat/r0 still runs in its first process

  @OC-POOL-3010
  Scenario: A frozen process that is replaced is woken to be stopped
    Given the pools:
      """
      chat: { health: { failure_threshold: 2, timeout: 500ms, restart_after: 0s }, stop: { grace: 5m } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGSTOP
    Then chat/r0 becomes unhealthy
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | last_exit.code | 0 |

  @OC-POOL-3010
  Scenario: An ill engine that dies has crashed
    Given the pools:
      """
      chat: { health: { failure_threshold: 1, restart_after: never } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "unhealthy"
    And chat/r0 becomes unhealthy
    And the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes backoff
    And chat/r0 becomes ready
    And chat/r0 shows:
      | crash_count   | 1 |
      | restart_count | 1 |

  @OC-POOL-3010
  Scenario: A healthy engine's heart beats, and its numbers are its own
    Given the pools:
      """
      chat: { args: [--load-time, 20ms, --slots, "7"] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    Then the heart of chat/r0 beats on
    And chat/r0 comes to show:
      | inflight    | 0 |
      | slots_total | 7 |

  @OC-POOL-3010
  Scenario: Of two replicas one may be ill: the pool is degraded, and serves
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu], health: { failure_threshold: 1, restart_after: never } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    When the engine of chat/r1 is told to "unhealthy"
    And chat/r1 becomes unhealthy
    Then the pool "chat" shows:
      | state      | degraded |
      | live       | true     |
      | ready      | true     |
      | slots_free | 4        |
    And the handoff file of chat/r0 has:
      | replica_id | r0 |
    And chat/r1 has no handoff file
    And chat/r0 is ready

  @OC-POOL-3010
  Scenario Outline: Whatever an engine answers, the supervisor and the other pools take no harm: <what>
    Given the program "odd":
      """
      #!{node}
      const [port, manner] = process.argv.slice(2);
      const answers = {
        garbage: (socket) => socket.end(Buffer.alloc(70000, 255)),
        reset: (socket) => socket.resetAndDestroy(),
        endless: (socket) => {
          const more = () => socket.write('X-More: ' + 'y'.repeat(8000) + '\r\n', (error) => error || setTimeout(more, 1));
          socket.write('HTTP/1.1 ');
          more();
        },
        error: (socket) => socket.end('HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n'),
        elsewhere: (socket) => socket.end('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n'),
        half: (socket) => socket.end('HTTP/1.1 2'),
      };
      require('node:net').createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => answers[manner](socket));
      }).listen(Number(port), '127.0.0.1');
      """
    And the pools:
      """
      odd: { engine: command, command: ["{dir}/odd", "${PORT}", <manner>], args: [], health: { startup_interval: 10ms } }
      chat: {}
      """
    And poolctl is up
    And odd/r0 becomes starting
    And chat/r0 becomes ready
    Then odd/r0 comes to show:
      | why | /^<why>, / |
    And odd/r0 is starting
    And the heart of chat/r0 beats on
    When I GET "/health"
    Then the answer is 200 with:
      | status | ok |
    When I run `poolctl stop odd`
    Then it exits with 0

    Examples:
      | what                       | manner    | why                        |
      | bytes that are no HTTP     | garbage   | an answer that is not HTTP |
      | it hangs up                | reset     | connection reset           |
      | a status line without end  | endless   | an answer that is not HTTP |
      | an error of its own        | error     | HTTP 500                   |
      | go somewhere else          | elsewhere | HTTP 302                   |
      | half an answer             | half      | connection closed without an answer |

  Scenario: How fast an engine answers is told once it has answered while it was watched
    Given the supervisor setting "engine_poll: 1s"
    And the pools:
      """
      chat: { args: [--load-time, 20ms, --token-time, 5ms] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r0 comes to show:
      | inflight | 0    |
      | perf     | null |
    When somebody asks chat/r0 for 40 tokens
    And that somebody gets all of them
    Then chat/r0 comes to show:
      | perf.tokens_per_s   | a positive number |
      | perf.first_token_ms | null             |
    When I GET "/v2/pools/chat/health"
    Then the answer is 200 with:
      | metrics.perf.tokens_per_s | a positive number |
    When the engine of chat/r0 is told to "crash?code=3"
    And chat/r0 becomes starting
    And chat/r0 becomes ready
    Then chat/r0 shows:
      | perf | null |
