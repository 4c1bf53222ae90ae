Feature: What is told of the GPUs
  Who uses a GPU, and how much of it; which of these are engines of a pool; and what is wrong with it, in words that say what helps.

  Background:
    Given the supervisor setting "device_poll: 200ms"
    And the defaults:
      """
      engine: demo
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 250ms }
      restart: { backoff: { initial: 100ms, max: 500ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3012 @ORCH-3052
  Scenario: Engines and strangers on a GPU are told apart, the biggest first
    Given a machine with 2 GPUs
    And GPU 0 is used by a process of 15 GiB
    And the pools:
      """
      chat: { device_masks: [0] }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And the engine of chat/r0 holds 6 GiB on GPU 0
    Then device 0 is used by:
      | program | used  | replica |
      | sleep   | 15GiB |         |
      | node    | 6GiB  | chat/r0 |
    And device 1 is used by:
      | program | used | replica |
    When the process on GPU 0 ends
    And the engine of chat/r0 holds 6 GiB on GPU 0
    Then device 0 is used by:
      | program | used | replica |
      | node    | 6GiB | chat/r0 |
    When I run `poolctl devices`
    Then it exits with 0
    And it says something like "0 +GPU-00000000-[0-9-]+ .* yes +chat +NVIDIA"
    When nvidia-smi cannot tell who uses the GPUs
    Then nobody can tell who uses device 0
    And chat/r0 is ready

  @ORCH-3053
  Scenario: A GPU of which the driver wants a reset says so, gets no engine, and is well again afterwards
    Given a machine with 2 GPUs
    And the driver says that GPU 1 needs a reset
    And the pools:
      """
      chat: { device_masks: [0, 1] }
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then chat/r1 becomes backoff with the reason "/^GPU 1 /"
    And chat/r1 has never been starting
    When I GET "/v2/devices"
    Then the answer is 200 with:
      | devices[0].healthy | true                              |
      | devices[0].ailment | null                              |
      | devices[1].healthy | false                             |
      | devices[1].ailment | needs a reset, as nvidia-smi says |
    When I run `poolctl devices`
    Then it exits with 0
    And it says "GPU 1 (NVIDIA GeForce RTX 3090) needs a reset, as nvidia-smi says"
    When nvidia-smi works again
    Then chat/r1 becomes ready

  @ORCH-3053
  Scenario: Without a supervisor the tools are asked
    Given a machine with 2 GPUs
    And GPU 1 is used by a process of 15 GiB
    And the driver says that GPU 0 needs a reboot
    When I run `poolctl devices`
    Then it exits with 0
    And it says something like "0 +GPU-00000000-[0-9-]+ .* no +- +NVIDIA"
    And it says something like "1 +GPU-11111111-[0-9-]+ .* yes +sleep\[\d+\] +NVIDIA"
    And it says "GPU 0 (NVIDIA GeForce RTX 3090) needs a reboot of the machine, as nvidia-smi says"

  @ORCH-3053
  Scenario: Memory errors and resets are told, counted, and disturb nobody elsewhere
    Given a machine with 2 GPUs
    And the "ecc.errors.uncorrected.volatile.total" of GPU 1 becomes "0"
    And the pools:
      """
      chat: { device_masks: [0, 1] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    And the metrics come to show:
      | driver_reset_total{device="GPU-11111111-1111-2222-3333-444444444444"} | 0 |
    When the "ecc.errors.uncorrected.volatile.total" of GPU 1 becomes "2"
    Then there is an event "device.error" with:
      | device | GPU-11111111-1111-2222-3333-444444444444                                                      |
      | level  | warn                                                                                          |
      | human  | /^GPU 1 .* has 2 uncorrectable memory errors \(ECC\) since its last reset$/ |
    When the driver says that GPU 1 needs a reset
    Then there is an event "device.unhealthy" with:
      | device | GPU-11111111-1111-2222-3333-444444444444                                                              |
      | level  | error                                                                                                 |
      | human  | /^GPU 1 .* needs a reset, as nvidia-smi says; stop what uses it, run nvidia-smi --gpu-reset -i 1, then poolctl reset$/ |
    And chat/r1 comes to show:
      | state | ready                                   |
      | why   | GPU 1 needs a reset, as nvidia-smi says |
    And the metrics come to show:
      | device_healthy{device="GPU-11111111-1111-2222-3333-444444444444"} | 0 |
      | device_healthy{device="GPU-00000000-1111-2222-3333-444444444444"} | 1 |
    When nvidia-smi works again
    Then there is an event "device.reset" with:
      | device | GPU-11111111-1111-2222-3333-444444444444 |
    And the metrics come to show:
      | driver_reset_total{device="GPU-11111111-1111-2222-3333-444444444444"} | 1 |
      | device_healthy{device="GPU-11111111-1111-2222-3333-444444444444"}     | 1 |
    And chat/r0 still runs in its first process
    And chat/r1 still runs in its first process

  @ORCH-3053
  Scenario: A GPU that vanishes stays in sight as what it is, and is named where it is missed
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [0, 1] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    When GPU 1 falls off the bus
    Then chat/r1 comes to show:
      | state | ready                                   |
      | why   | GPU 1 is gone: its tool lists it no more |
    When I GET "/v2/devices"
    Then the answer is 200 with:
      | devices[0].healthy         | true                               |
      | devices[1].uuid            | GPU-11111111-1111-2222-3333-444444444444 |
      | devices[1].healthy         | false                              |
      | devices[1].ailment         | is gone: its tool lists it no more |
      | devices[1].vram_free_bytes | null                               |
    And chat/r0 shows:
      | why | null |

  @OC-POOL-3010
  Scenario: A tool that hangs disturbs nothing, and its data has an age
    Given a machine with 1 GPU
    And the pools:
      """
      chat: { device_masks: [0] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When nvidia-smi hangs
    Then the age of device 0 comes to be over 3 seconds
    And the heart of chat/r0 beats on
    And chat/r0 is ready
    And there is no event "device.lost"
    When the age of device 0 comes to be over 11 seconds
    And I run `poolctl devices`
    Then it exits with 0
    And it says something like "these numbers are 1\d+s old: nvidia-smi timed out after 10s"
    When I run `poolctl down`
    Then it exits with 0
    And poolctl ends with 0
