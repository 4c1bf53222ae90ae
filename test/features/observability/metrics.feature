Feature: Metrics, for whoever watches from outside
  A scrape shows what the supervisor knows and what it has counted since it began. It asks no engine. Everything is there from the
  beginning, at 0, so that the first crash is an increase; what is gone or not known has no series.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 50ms, failure_threshold: 2, restart_after: never }
      restart: { backoff: { initial: 100ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3030
  Scenario: From the beginning
    Given the pools:
      """
      chat: {}
      code: { autostart: false }
      """
    And poolctl is up
    And chat/r0 becomes ready
    Then the metrics come to show:
      | poolctl_build_info                                     | 1           |
      | host_memory_total_bytes                                | at least 1  |
      | host_memory_available_bytes                            | at least 1  |
      | poolctl_event_loop_lag_seconds                         | at least 0  |
      | pool_live{pool_id="chat"}                              | 1           |
      | pool_ready{pool_id="chat"}                             | 1           |
      | pool_draining{pool_id="chat"}                          | 0           |
      | replica_state{pool_id="chat",replica_id="r0"}          | 1           |
      | replica_state{pool_id="chat",state="ready"}            | 1           |
      | active_leases{pool_id="chat",engine="demo"}            | 0           |
      | slots_total{pool_id="chat"}                            | 4           |
      | slots_free{pool_id="chat"}                             | 4           |
      | engine_inflight_requests{pool_id="chat"}               | 0           |
      | engine_resident_memory_bytes{pool_id="chat"}           | at least 1  |
      | preload_success_total{pool_id="chat"}                  | 1           |
      | preload_duration_ms_count{pool_id="chat"}              | 1           |
      | preload_duration_ms_sum{pool_id="chat"}                | at least 20 |
      | engine_crash_total{pool_id="chat",class="vram_oom"}    | 0           |
      | restart_total{pool_id="chat",reason="crash"}           | 0           |
      | readiness_transitions_total{pool_id="chat",to="ready"} | 1           |
      | circuit_breaker_state{pool_id="chat",breaker="cuda"}   | 0           |
      | restart_storm_total{pool_id="chat",kind="storm"}       | 0           |
      | lease_total{pool_id="chat",outcome="granted"}          | 0           |
      | drain_total{pool_id="chat",outcome="forced"}           | 0           |
      | reload_total{pool_id="chat",outcome="rolled_back"}     | 0           |
      | pool_ready{pool_id="code"}                             | 0           |
      | replica_state{pool_id="code",state="stopped"}          | 1           |
      | preload_success_total{pool_id="code"}                  | 0           |
      | engine_resident_memory_bytes{pool_id="code"}           | none        |
      | slots_total{pool_id="code"}                            | none        |
      | vram_total_bytes                                       | none        |

  @OC-POOL-3030 @OC-POOL-3011
  Scenario: A crash, and the restart after it
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When the engine of chat/r0 is told to "crash?code=3"
    And chat/r0 becomes backoff
    And chat/r0 becomes ready
    Then the metrics come to show:
      | replica_crashes_total{replica_id="r0"}                          | 1    |
      | engine_crash_total{replica_id="r0",class="unknown"}             | 1    |
      | restart_scheduled_total{replica_id="r0",crash_reason="unknown"} | 1    |
      | restart_total{replica_id="r0",reason="crash"}                   | 1    |
      | restart_count{replica_id="r0"}                                  | 1    |
      | restart_rate{pool_id="chat"}                                    | 1    |
      | backoff_delay_ms_sum{crash_reason="unknown"}                    | 100  |
      | backoff_delay_ms_bucket{crash_reason="unknown",le="500"}        | 1    |
      | backoff_delay_ms_count{crash_reason="vram_oom"}                 | none |
      | readiness_transitions_total{replica_id="r0",to="backoff"}       | 1    |
      | readiness_transitions_total{replica_id="r0",to="ready"}         | 2    |
      | preload_success_total{replica_id="r0"}                          | 2    |
      | preload_duration_ms_count{pool_id="chat"}                       | 3    |
      | replica_crashes_total{replica_id="r1"}                          | 0    |
      | restart_count{replica_id="r1"}                                  | 0    |

  @OC-POOL-3030 @OC-POOL-3011
  Scenario: A breaker that opens, and is reset
    Given the pools:
      """
      chat: { restart: { breaker: { threshold: 2, open_for: 5m } } }
      """
    And poolctl is up
    When the engine of chat/r0 dies 2 times in a row
    And chat/r0 becomes broken
    Then the metrics come to show:
      | circuit_breaker_state{breaker="general"}      | 1    |
      | circuit_breaker_state{breaker="cuda"}         | 0    |
      | circuit_breaker_open_total{breaker="general"} | 1    |
      | circuit_breaker_open_total{breaker="cuda"}    | 0    |
      | replica_state{state="broken"}                 | 1    |
      | replica_state{state="ready"}                  | none |
      | pool_ready                                    | 0    |
      | pool_live                                     | 0    |
    When I run `poolctl reset chat`
    Then the metrics come to show:
      | circuit_breaker_state{breaker="general"}      | 0 |
      | circuit_breaker_open_total{breaker="general"} | 1 |
      | replica_state{state="ready"}                  | 1 |

  @OC-POOL-3030
  Scenario: Probes fail of an engine that serves, and not of one that loads
    Given the pools:
      """
      chat: { args: [--load-time, 20ms, --order, unhealthy] }
      """
    And poolctl is up
    And chat/r0 becomes starting
    And chat/r0 comes to show:
      | why | /^HTTP 503/ |
    Then the metrics come to show:
      | health_probe_total{result="ok"}     | 0 |
      | health_probe_total{result="failed"} | 0 |
      | health_probe_duration_ms_count      | 0 |
    When the engine of chat/r0 is told to "healthy"
    And chat/r0 becomes ready
    And the heart of chat/r0 beats on
    Then the metrics come to show:
      | health_probe_total{result="ok"}     | at least 3 |
      | health_probe_total{result="failed"} | 0          |
      | health_probe_duration_ms_count      | at least 3 |
    When the engine of chat/r0 is told to "unhealthy"
    And chat/r0 becomes unhealthy
    Then the metrics come to show:
      | health_probe_total{result="failed"}         | at least 2 |
      | readiness_transitions_total{to="unhealthy"} | 1          |
      | replica_state{state="unhealthy"}            | 1          |
      | pool_ready                                  | 0          |
      | pool_live                                   | 1          |
      | slots_free                                  | 0          |

  @OC-POOL-3030
  Scenario: What an operator does
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I run `poolctl stop chat`
    Then the metrics come to show:
      | replica_state{state="stopped"}             | 1    |
      | replica_state{state="ready"}               | none |
      | pool_live                                  | 0    |
      | pool_ready                                 | 0    |
      | slots_total                                | none |
      | slots_free                                 | 0    |
      | engine_inflight_requests                   | none |
      | engine_resident_memory_bytes               | none |
      | readiness_transitions_total{to="stopping"} | 1    |
      | replica_crashes_total                      | 0    |
      | restart_total{reason="operator"}           | 0    |
    When somebody else takes the port of chat/r0
    And I run `poolctl start chat --no-wait`
    And chat/r0 becomes backoff
    Then the metrics come to show:
      | preload_failure_total{reason="preflight"} | at least 1 |
      | preload_failure_total{reason="model"}     | 0          |
      | restart_total{reason="operator"}          | 0          |
    When the port is free again
    And chat/r0 becomes ready
    Then the metrics come to show:
      | restart_total{reason="operator"} | 1          |
      | restart_total{reason="crash"}    | 0          |
      | restart_count                    | 0          |
      | engine_resident_memory_bytes     | at least 1 |

  @OC-POOL-3030
  Scenario: A model that is not there
    Given the pools:
      """
      chat: { model: nowhere.gguf }
      """
    And poolctl is up
    And chat/r0 becomes failed, told with:
      | obstacle | model |
    Then the metrics come to show:
      | preload_failure_total{reason="model"}     | 1 |
      | preload_failure_total{reason="preflight"} | 0 |
      | preload_success_total                     | 0 |
      | replica_state{state="failed"}             | 1 |

  @OC-POOL-3030 @OC-POOL-3020
  Scenario: A device, and what is known of it while it is gone
    Given a machine with 2 GPUs
    And the supervisor setting "device_poll: 100ms"
    And the pools:
      """
      chat: { device_masks: [0] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    Then the metrics come to show:
      | vram_total_bytes{device="GPU-11111111-1111-2222-3333-444444444444"}   | 25769803776 |
      | vram_free_bytes{device="GPU-11111111-1111-2222-3333-444444444444"}    | 25270681600 |
      | device_healthy{device="GPU-11111111-1111-2222-3333-444444444444"}     | 1           |
      | driver_reset_total{device="GPU-11111111-1111-2222-3333-444444444444"} | 0           |
    When GPU 1 falls off the bus
    Then the metrics come to show:
      | device_healthy{device="GPU-00000000-1111-2222-3333-444444444444"}  | 1           |
      | device_healthy{device="GPU-11111111-1111-2222-3333-444444444444"}  | 0           |
      | vram_free_bytes{device="GPU-11111111-1111-2222-3333-444444444444"} | none        |
    When nvidia-smi works again
    Then the metrics come to show:
      | device_healthy{device="GPU-11111111-1111-2222-3333-444444444444"}     | 1 |
      | driver_reset_total{device="GPU-11111111-1111-2222-3333-444444444444"} | 1 |

  @OC-POOL-3030 @OC-POOL-3011
  Scenario: The next supervisor counts anew, and an engine that it takes over is no launch
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And the engine of chat/r0 is told to "crash?code=3"
    And chat/r0 becomes backoff
    And chat/r0 becomes ready
    When poolctl has written down what is and dies of SIGKILL
    And poolctl is up
    And chat/r0 becomes ready
    Then the metrics come to show:
      | replica_state{state="ready"}            | 1          |
      | engine_resident_memory_bytes            | at least 1 |
      | restart_count                           | 1          |
      | replica_crashes_total                   | 0          |
      | preload_success_total                   | 0          |
      | preload_duration_ms_count               | 0          |
      | readiness_transitions_total{to="ready"} | 1          |

  @OC-POOL-3030
  Scenario: A scrape asks no engine
    Given the pools:
      """
      chat: { health: { timeout: 1m } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGSTOP
    And I GET "/metrics"
    Then the answer is 200
    And the header "content-type" of the answer is "text/plain; version=0.0.4; charset=utf-8"
    And the metrics come to show:
      | replica_state{state="ready"} | 1 |
