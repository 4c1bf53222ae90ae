Feature: Memory of the devices
  An engine is launched only where the memory that its pool says it needs is free: as measured, less what launches in progress will still
  take, and once the driver has given back what its last engine had. What ran out of memory teaches what it needs. Nobody runs on the CPU
  or on another GPU in silence.

  Background:
    Given the supervisor setting "device_poll: 200ms"
    And the defaults:
      """
      engine: demo
      share: true
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 250ms }
      restart: { backoff: { initial: 100ms, max: 500ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3002 @OC-POOL-3003 @ORCH-3003
  Scenario: A replica that needs 9 GiB where 6 are free waits, names who holds the memory, and starts by itself when it is free
    Given a machine with 1 GPU
    And the "memory.free" of GPU 0 becomes "6144"
    And GPU 0 is used by a process of 15 GiB
    And the pools:
      """
      chat: { device_masks: [0], vram: 9GiB }
      """
    And poolctl is up
    Then chat/r0 becomes backoff, told with:
      | crash_reason | preflight                                                                                       |
      | obstacle     | memory                                                                                          |
      | reason       | /^cannot load on GPU 0: it needs 9\.0 GiB of VRAM, and 6\.0 GiB are free; held by pid \d+ \(sleep\) with 15\.0 GiB$/ |
      | hint         | free the device, or lower "vram"                                                                |
    And chat/r0 shows:
      | crash_count   | 0                                                               |
      | restart_count | 0                                                               |
      | pid           | null                                                            |
      | why           | /held by pid \d+ \(sleep\) with 15\.0 GiB; free the device, .*; try \d+ in / |
    And chat/r0 has never been starting
    When I run `poolctl plan chat`
    Then it exits with 0
    And it says something like "hindered +cannot load on GPU 0: it needs 9\.0 GiB of VRAM"
    When the process on GPU 0 ends
    And the "memory.free" of GPU 0 becomes "24100"
    Then chat/r0 becomes ready
    And chat/r0 shows:
      | last_error      | null                        |
      | breaker.failures | 0                          |

  @OC-POOL-3003
  Scenario: More than the whole mask has can never fit, and that is said
    Given a machine with 1 GPU
    And the pools:
      """
      chat: { device_masks: [0], vram: 30GiB }
      """
    And poolctl is up
    Then chat/r0 becomes backoff
    And chat/r0 shows:
      | why | /GPU 0 has 24\.0 GiB in all: lower "vram", or give the replica more devices; try / |

  @OC-POOL-3003
  Scenario: Two launches on one GPU do not both count the same free memory
    Given the supervisor setting "loads: { per_device: 2 }"
    And a machine with 1 GPU
    And the "memory.free" of GPU 0 becomes "12288"
    And nobody uses the GPUs
    And the pools:
      """
      chat: { device_masks: [0], vram: 9GiB, args: [--load-time, 1h] }
      code: { device_masks: [0], vram: 9GiB }
      """
    And poolctl is up
    Then chat/r0 becomes starting
    And code/r0 becomes backoff with the reason "cannot load on GPU 0: it needs 9.0 GiB of VRAM, and 12.0 GiB are free; chat/r0, which loads, takes 9.0 GiB of them"
    And code/r0 has never been starting
    When I run `poolctl stop chat`
    Then it exits with 0
    And code/r0 becomes ready

  @OC-POOL-3003
  Scenario: Engines load one after another on a device, and who waits says behind whom
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [0], args: [--load-time, 1h] }
      code: { device_masks: [0, 1] }
      """
    And poolctl is up
    Then chat/r0 becomes starting
    And code/r1 becomes ready
    And code/r0 shows:
      | state | preparing                               |
      | why   | waits to load on GPU 0 behind chat/r0   |
    When I run `poolctl stop chat`
    Then code/r0 becomes ready

  @OC-POOL-3003
  Scenario: A launch waits until the driver has given back what the last engine had
    Given a machine with 1 GPU
    And nobody uses the GPUs
    And the pools:
      """
      chat: { device_masks: [0] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 holds 6 GiB on GPU 0
    Then device 0 is used by:
      | program | used | replica |
      | node    | 6GiB | chat/r0 |
    When the engine of chat/r0 gets SIGKILL
    Then chat/r0 comes to show:
      | state | preparing                                               |
      | why   | waits until its last engine gives back 6.0 GiB on GPU 0 |
    When the driver has freed everything on GPU 0
    Then chat/r0 becomes ready
    And chat/r0 shows:
      | restart_count | 1 |

  @ORCH-3039
  Scenario: What ran out of memory is remembered as what it needs, and is advice
    Given a machine with 1 GPU
    And nobody uses the GPUs
    And the pools:
      """
      chat: { device_masks: [0] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 holds 6 GiB on GPU 0
    Then device 0 is used by:
      | program | used | replica |
      | node    | 6GiB | chat/r0 |
    When the driver has freed everything on GPU 0
    And the engine of chat/r0 is told to "print?text=ggml_backend_cuda_buffer_type_alloc_buffer%3A%20allocating%205120.00%20MiB%20on%20device%200%3A%20cudaMalloc%20failed%3A%20out%20of%20memory"
    And the engine of chat/r0 is told to "crash?code=1"
    Then chat/r0 becomes ready
    And chat/r0 shows:
      | last_exit.class | vram_oom |
    When I run `poolctl plan --json chat`
    Then it exits with 0
    And it prints JSON with:
      | replicas[0].vram.needed_bytes | 11811160064 |
      | replicas[0].vram.source       | learnt      |
      | replicas[0].vram.fits         | true        |

  @OC-POOL-3012 @OC-POOL-3020 @ORCH-3052
  Scenario: An engine that holds no memory on its mask is told of, and says so until it does
    Given a machine with 2 GPUs
    And nobody uses the GPUs
    And the pools:
      """
      chat: { device_masks: [1] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    Then there is an event "device.mismatch" with:
      | level       | error                                                   |
      | pool_id     | chat                                                    |
      | replica_id  | r0                                                      |
      | device_mask | "1"                                                       |
      | reason      | holds no memory on GPU 1: does it run on the CPU?       |
      | human       | /^chat\/r0 holds no memory on GPU 1: does it run on the CPU\?; / |
    And chat/r0 shows:
      | state | ready                                             |
      | why   | holds no memory on GPU 1: does it run on the CPU? |
    When the engine of chat/r0 holds 6 GiB on GPU 1
    Then chat/r0 comes to show:
      | why | null |
    When the engine of chat/r0 holds 1 GiB on GPU 0
    Then chat/r0 comes to show:
      | why | holds memory on GPU 0, outside its mask |

  @OC-POOL-3012
  Scenario: Where the tool cannot tell who uses the GPUs, nobody is accused
    Given a machine with 1 GPU
    And the pools:
      """
      chat: { device_masks: [0] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And nobody can tell who uses device 0
    Then there is no event "device.mismatch"
    And chat/r0 shows:
      | why | null |
