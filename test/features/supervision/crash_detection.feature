Feature: Why an engine died, and what follows from it
  An exit is noticed by the process, its code and signal are kept as the kernel gave them, and its log is read for the cause. Status, event
  and metric say the same of it. What died of its configuration is not tried again, what died of its GPU waits longer.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 1ms]
      health: { startup_interval: 20ms, interval: 100ms }
      restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3010 @OC-POOL-3011 @ORCH-3039
  Scenario Outline: The log tells the cause: <class>, <subclass>
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to print "<line>" and to "<end>"
    Then chat/r0 becomes <state>, told with:
      | reason | /<words>/ |
    And there is an event "replica.crashed" with:
      | pool_id     | chat    |
      | crash_class | <class> |
      | crash_count | 1       |
      | exit_code   | <code>  |
      | signal      | <signal> |
      | engine_version | demo-1 |
    And chat/r0 comes to show:
      | last_exit.class         | <class>    |
      | last_exit.subclass      | <subclass> |
      | last_exit.code          | <code>     |
      | last_exit.signal        | <signal>   |
      | last_exit.evidence.line | a number   |
      | last_exit.evidence.text | /<words>/  |
      | last_exit.hint          | a text     |
      | crashes_total           | 1          |
    And the metric engine_crash_total{class="<class>"} of chat/r0 is 1
    And the metric replica_crashes_total of chat/r0 is 1

    Examples:
      | class     | subclass              | line                                                                                                  | end                  | code | signal  | state   | words                         |
      | vram_oom  | gpu_out_of_memory     | ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9216.00 MiB on device 0: cudaMalloc failed: out of memory | crash?code=1 | 1    | null    | backoff | cudaMalloc failed             |
      | gpu_error | illegal_memory_access | CUDA error: an illegal memory access was encountered                                                  | crash?signal=SIGABRT | null | SIGABRT | backoff | an illegal memory access      |
      | driver    | nvml_mismatch         | Failed to initialize NVML: Driver/library version mismatch                                            | crash?code=1         | 1    | null    | broken  | version mismatch              |
      | crash     | ggml_assert           | ggml.c:4411: GGML_ASSERT(n_dims <= 4) failed                                                          | crash?signal=SIGABRT | null | SIGABRT | backoff | GGML_ASSERT                   |

  @OC-POOL-3010
  Scenario Outline: Deaths that no line explains are told apart by code and signal: <order>
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "<order>"
    Then chat/r0 becomes backoff
    And chat/r0 comes to show:
      | last_exit.class  | <class>  |
      | last_exit.code   | <code>   |
      | last_exit.signal | <signal> |
    And the metric engine_crash_total{class="<class>"} of chat/r0 is 1

    Examples:
      | order                | class   | code | signal  |
      | crash?signal=SIGSEGV | crash   | null | SIGSEGV |
      | crash?signal=SIGKILL | unknown | null | SIGKILL |
      | crash?code=3         | unknown | 3    | null    |

  @OC-POOL-3010
  Scenario: A stop is no crash, whatever the engine says on its way out
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "print?text=CUDA%20error%3A%20out%20of%20memory"
    And I run `poolctl stop chat`
    Then chat/r0 shows:
      | state           | stopped  |
      | last_exit.class | graceful |
      | crashes_total   | 0        |
    And the metric replica_crashes_total of chat/r0 is 0

  @OC-POOL-3010
  Scenario: Exit 0 with a fatal error in its log is a failure
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to print "CUDA error: out of memory" and to "exit"
    Then chat/r0 becomes backoff
    And chat/r0 comes to show:
      | last_exit.class | vram_oom |
      | last_exit.code  | 0        |

  @OC-POOL-3010
  Scenario: An engine that goes silent behind its open port is a hang
    Given the pools:
      """
      chat: { health: { timeout: 100ms, failure_threshold: 2, restart_after: 100ms } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "hang"
    Then chat/r0 has missed 1 probes in a row
    And chat/r0 becomes unhealthy
    And chat/r0 becomes backoff, told with:
      | crash_reason | health |
    And chat/r0 becomes ready
    And chat/r0 shows:
      | last_exit.class | hang |
      | crashes_total   | 1    |
    And the metric engine_crash_total{class="hang"} of chat/r0 is 1
    And the metric restart_total{reason="health"} of chat/r0 is 1

  @OC-POOL-3011
  Scenario: A flag that the engine does not know is not tried twice, and the engine's own line says which
    Given the pools:
      """
      chat: { args: [--load-time, 1ms, --no-such-flag] }
      """
    When poolctl is up
    Then chat/r0 becomes failed, told with:
      | reason | /no-such-flag/ |
      | hint   | a text         |
    And chat/r0 shows:
      | last_exit.class       | config   |
      | last_exit.restartable | false    |
      | last_exit.evidence.text | /no-such-flag/ |
      | incarnation           | 1        |
      | crashes_total         | 1        |
    And the metric engine_crash_total{class="config"} of chat/r0 is 1

  @OC-POOL-3011
  Scenario: A port that stays in use is tried five times, and its holder is named
    Given somebody else listens on port {port}
    And the pools:
      """
      chat: { port: {port} }
      """
    When poolctl is up
    Then chat/r0 becomes failed, told with:
      | reason | /the port is held by pid {pid} \(.+\), 5 tries in a row/ |
      | hint   | a text |
    And the waits of chat/r0 are "50, 100, 200, 400" ms
    And chat/r0 has never been starting
    And chat/r0 shows:
      | crashes_total | 0 |

  @OC-POOL-3011
  Scenario: An engine that finds its port in use by itself gets five launches
    Given the program "engine":
      """
      #!/bin/sh
      echo "E srv         start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080" >&2
      exit 1
      """
    And the pools:
      """
      chat: { engine: command, command: ["{dir}/engine"], args: [], restart: { breaker: { threshold: 100 } } }
      """
    When poolctl is up
    Then chat/r0 becomes failed
    And chat/r0 was launched 5 times
    And chat/r0 shows:
      | last_exit.class    | config      |
      | last_exit.subclass | port_in_use |

  @OC-POOL-3011
  Scenario: After a GPU error the wait is longer, and the breaker for GPU errors counts it
    Given the pools:
      """
      chat: { restart: { backoff: { cuda_multiplier: 4 }, breaker: { cuda_threshold: 3 } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to print "CUDA error: an illegal memory access was encountered" and to "crash"
    Then chat/r0 becomes backoff, told with:
      | backoff_ms   | 200       |
      | crash_reason | gpu_error |
    And chat/r0 becomes ready
    And chat/r0 shows:
      | breaker.failures      | 0 |
      | breaker.cuda.failures | 1 |

  @OC-POOL-3011
  Scenario: A driver that only a reboot cures opens the breaker for GPU errors at once, and says so
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to print "Failed to initialize NVML: Driver/library version mismatch" and to "crash"
    Then chat/r0 becomes broken, told with:
      | reason | /only a reboot cures this/ |
    And chat/r0 shows:
      | breaker.state      | closed |
      | breaker.cuda.state | open   |
    And the metric circuit_breaker_state{breaker="cuda"} of chat/r0 is 1
    And the metric circuit_breaker_open_total{breaker="cuda"} of chat/r0 is 1

  @OC-POOL-3010 @ORCH-3038
  Scenario: A sticky GPU error in the log of a living engine ends it, in its own line only
    Given the pools:
      """
      chat: { drain: { deadline: 200ms } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "gpu-error"
    Then chat/r0 becomes unhealthy, told with:
      | reason | /an illegal memory access/ |
    And chat/r0 has no handoff file
    And chat/r0 becomes backoff
    And chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | last_exit.class    | gpu_error             |
      | last_exit.subclass | illegal_memory_access |

  @OC-POOL-3010
  Scenario: The same words in a user's prompt change nothing
    Given the pools:
      """
      chat: { args: [--load-time, 1ms, --log-prompts] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When somebody asks chat/r0 about "CUDA error: an illegal memory access was encountered"
    And the log of chat/r0 comes to hold "CUDA error: an illegal memory access was encountered"
    And the heart of chat/r0 beats on
    Then chat/r0 is ready
    And chat/r0 still runs in its first process
    And chat/r0 has never been unhealthy
    When the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes backoff
    And chat/r0 comes to show:
      | last_exit.class    | unknown |
      | last_exit.evidence | null    |

  @OC-POOL-3010
  Scenario: Probes that fail do the supervisor no harm, and each is told with its time
    Given the pools:
      """
      sick: { health: { timeout: 50ms, restart_after: never } }
      well: {}
      """
    And poolctl is up
    And sick/r0 becomes ready
    And well/r0 becomes ready
    When the engine of sick/r0 is told to "hang"
    Then sick/r0 has missed 1 probes in a row
    And sick/r0 has missed 5 probes in a row
    And the heart of well/r0 beats on
    And well/r0 is ready
    And sick/r0 is unhealthy
    And there is an event "probe.failed" with:
      | pool_id       | sick   |
      | time          | a time |
      | failure_count | 5      |

  @OC-POOL-3010 @ORCH-3039
  Scenario: An engine that the kernel kills for want of memory is told from others that are killed
    Given a memory cgroup of 60 MiB
    And the program "engine":
      """
      #!/bin/sh
      echo $$ > {cgroup.procs}
      exec {node} -e 'const held = []; setInterval(() => held.push(Buffer.alloc(16 << 20, 1)), 20)'
      """
    And the pools:
      """
      chat: { engine: command, command: ["{dir}/engine"], args: [], health: { path: none, min_uptime: 10ms }, restart: { policy: never } }
      """
    When poolctl is up
    Then chat/r0 becomes failed
    And there is an event "replica.crashed" with:
      | crash_class | host_oom |
      | signal      | SIGKILL  |
      | level       | critical |
    And chat/r0 shows:
      | last_exit.class    | host_oom |
      | last_exit.signal   | SIGKILL  |
      | last_exit.hint     | a text   |
      | last_error         | /^killed by SIGKILL after .*: .*memory/ |
    And the metric engine_crash_total{class="host_oom"} of chat/r0 is 1

  @OC-POOL-3010 @ORCH-3038
  Scenario: A GPU error that may be harmless is confirmed by one token first
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "gpu-error?text=CUDA%20error%3A%20invalid%20argument"
    Then chat/r0 becomes unhealthy, told with:
      | because | suspect            |
      | reason  | /invalid argument/ |
    And chat/r0 becomes ready
    And chat/r0 still runs in its first process
    And chat/r0 shows:
      | restart_count | 0 |
      | crash_count   | 0 |

  @OC-POOL-3010 @ORCH-3038
  Scenario: One that is followed by no token ends the engine
    Given the pools:
      """
      chat: { health: { generate: { timeout: 200ms } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "mute"
    And the engine of chat/r0 is told to "gpu-error?text=CUDA%20error%3A%20invalid%20argument"
    Then chat/r0 becomes unhealthy
    And chat/r0 becomes backoff, told with:
      | crash_reason | gpu_error |
    And chat/r0 shows:
      | last_exit.class       | gpu_error |
      | breaker.cuda.failures | 1         |

  @OC-POOL-3010
  Scenario: A probe that generates one token finds an engine that is healthy by its word alone
    Given the pools:
      """
      chat: { health: { restart_after: 100ms, generate: { every: 100ms, timeout: 200ms } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "mute"
    Then chat/r0 becomes unhealthy, told with:
      | because | silent            |
      | reason  | /makes no token/  |
    And chat/r0 becomes backoff
    And chat/r0 shows:
      | last_exit.class | hang |

  @OC-POOL-3010
  Scenario: An engine that fails its probes and works is not restarted while it works
    Given the pools:
      """
      chat: { args: [--load-time, 1ms, --token-time, 50ms], health: { timeout: 100ms, failure_threshold: 2, restart_after: 2s } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When somebody asks chat/r0 for 100 tokens
    And the engine of chat/r0 is told to "hang-health"
    Then chat/r0 becomes unhealthy
    And that somebody gets all of them
    And chat/r0 becomes backoff
    And chat/r0 shows:
      | last_exit.class | hang |

  @OC-POOL-3010
  Scenario: A living process that refuses connections gets no such time
    Given the pools:
      """
      chat: { args: [--load-time, 1ms, --token-time, 50ms], health: { timeout: 100ms, failure_threshold: 2, restart_after: 300ms } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When somebody asks chat/r0 for 1000 tokens
    And the engine of chat/r0 is told to "refuse"
    Then chat/r0 becomes unhealthy with the reason "/connection refused/"
    And chat/r0 becomes backoff
    And that somebody is cut off
