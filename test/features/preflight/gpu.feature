Feature: Looking at the GPUs before an engine is launched on them
  A launch relies on what nvidia-smi says now. A device that is missing or ill, and a tool that hangs, dies or lies, keep the engines
  off it until it is well; everything else goes on.

  Background:
    Given the supervisor setting "device_poll: 200ms"
    And the defaults:
      """
      engine: demo
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 250ms }
      restart: { backoff: { initial: 100ms, max: 500ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3002 @ORCH-3003
  Scenario: A device that vanishes keeps its engine running, and no new one is launched on it before it is back
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [0, 1] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    When GPU 1 falls off the bus
    Then there is an event "device.lost" with:
      | device | GPU-11111111-1111-2222-3333-444444444444  |
      | level  | error                                     |
      | human  | /^GPU 1 NVIDIA GeForce RTX 3090 .* is gone; look at its power, .* reboot if it stays away; / |
      | hint   | /its replicas come back by themselves once it is listed again$/ |
    And chat/r1 is ready
    When the engine of chat/r1 gets SIGKILL
    Then chat/r1 becomes backoff with the reason "/^killed by SIGKILL/"
    And chat/r1 becomes backoff, told with:
      | crash_reason | preflight                                                                       |
      | reason       | GPU 1 (NVIDIA GeForce RTX 3090) of mask 1 is gone: its tool lists it no more    |
      | obstacle     | device                                                                          |
      | crash_count  | 1                                                                               |
    And chat/r0 still runs in its first process
    When nvidia-smi works again
    Then there is an event "device.reset" with:
      | device | GPU-11111111-1111-2222-3333-444444444444     |
      | human  | /^GPU 1 NVIDIA GeForce RTX 3090 .* is back$/ |
    And chat/r1 becomes ready
    And chat/r1 shows:
      | crash_count   | 1                                            |
      | restart_count | 1                                            |
      | devices       | ["GPU-11111111-1111-2222-3333-444444444444"] |
      | last_error    | null                                         |

  @OC-POOL-3002 @ORCH-3003 @ORCH-3053
  Scenario Outline: An unhealthy device stops launches on it, and on no other: <field> says <word>
    Given a machine with 2 GPUs
    And the "<field>" of GPU 0 becomes "<word>"
    And the pools:
      """
      chat: { device_masks: [0, 1] }
      """
    And poolctl is up
    Then chat/r0 becomes backoff with the reason "GPU 0 (NVIDIA GeForce RTX 3090) of mask 0 <says>"
    And chat/r1 becomes ready
    And chat/r0 has never been starting
    And chat/r0 shows:
      | last_error  | /^GPU 0 .* of mask 0 <says>$/    |
      | why         | /of mask 0 <says>; <do>; try \d/ |
      | crash_count | 0                                |
    When I GET "/v2/devices"
    Then the answer is 200 with:
      | devices[0].healthy | false |
      | devices[1].healthy | true  |
    When nvidia-smi works again
    Then chat/r0 becomes ready

    Examples:
      | field           | word               | says                              | do                                                                   |
      | memory.free     | [GPU is lost]      | is lost, as nvidia-smi says       | reboot the machine                                                   |
      | temperature.gpu | [Unknown Error]    | answers nvidia-smi with errors    | see nvidia-smi -q -i 0                                               |
      | utilization.gpu | ERR!               | answers nvidia-smi with errors    | see nvidia-smi -q -i 0                                               |
      | memory.total    | GPU requires reset | needs a reset, as nvidia-smi says | stop what uses it, run nvidia-smi --gpu-reset -i 0, then poolctl reset |

  @ORCH-3053
  Scenario: A device that falls ill is told of once, and the engines on it go on
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [0, 1] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And chat/r1 becomes ready
    When the "memory.free" of GPU 1 becomes "[GPU is lost]"
    Then there is an event "device.unhealthy" with:
      | device | GPU-11111111-1111-2222-3333-444444444444 |
      | level  | error                                    |
    And chat/r0 is ready
    And chat/r1 is ready

  @OC-POOL-3002 @ORCH-3003
  Scenario: A power sensor that says nothing is no illness
    Given a machine with 1 GPU
    And the "power.draw" of GPU 0 becomes "[Unknown Error]"
    And the pools:
      """
      chat: { device_masks: [0] }
      """
    And poolctl is up
    Then chat/r0 becomes ready
    When I GET "/v2/devices"
    Then the answer is 200 with:
      | devices[0].healthy     | true |
      | devices[0].power_watts | null |

  @OC-POOL-3002 @ORCH-3003
  Scenario Outline: A tool that fails keeps engines off the GPUs, and says why: <what>
    Given <what>
    And the pools:
      """
      chat: { device_masks: [0] }
      fine: { device_masks: [cpu] }
      """
    When I run `poolctl check`
    Then it exits with 0
    When poolctl is up
    Then chat/r0 becomes backoff with the reason "/^needs the devices of mask 0, but no device data yet: <why>$/"
    And fine/r0 becomes ready
    And chat/r0 has never been starting
    And chat/r0 shows:
      | crash_count | 0 |
    When I run `poolctl devices`
    Then it exits with 1
    And it says something like "<why>"
    When nvidia-smi works again
    Then chat/r0 becomes ready

    Examples:
      | what                                                      | why |
      | nvidia-smi dies of SIGSEGV                                | nvidia-smi failed: it was ended by SIGSEGV |
      | nvidia-smi fails with 255 and "Unknown Error"             | nvidia-smi failed with exit status 255: Unknown Error |
      | nvidia-smi fails with 0 and "nonsense, and more of it"    | nvidia-smi printed no device that can be read: nonsense, and more of it |
      | the NVIDIA driver was updated under the loaded one        | nvidia-smi failed: Failed to initialize NVML: Driver/library version mismatch; .*reboot.* |
      | nvidia-smi fails with 9 and "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver." | nvidia-smi failed: the NVIDIA driver is not loaded; .* |

  @OC-POOL-3002 @ORCH-3003
  Scenario: A tool that hangs is survived: the supervisor comes up, and asks it no second time while it hangs
    Given nvidia-smi hangs
    And the pools:
      """
      chat: { device_masks: [0], restart: { backoff: { initial: 5m, max: 5m } } }
      fine: { device_masks: [cpu] }
      """
    When poolctl is up
    Then chat/r0 becomes backoff with the reason "/no device data yet: nvidia-smi timed out after 10s$/"
    And fine/r0 becomes ready
    When I GET "/health"
    Then the answer is 200
    And chat/r0 has never been starting
    When nvidia-smi works again
    Then there is an event "device.found" with:
      | device | /^GPU-00000000-/ |
    When I run `poolctl start chat`
    Then it exits with 0

  @OC-POOL-3002 @ORCH-3003
  Scenario: The tool's last good answer is relied on for a while
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [0] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When nvidia-smi fails with 255 and "Unknown Error"
    And the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes ready
    And there is no event "device.lost"

  @OC-POOL-3002 @ORCH-3003
  Scenario: Too little free memory on the mask is waited for, with what is needed and what is there
    Given a machine with 2 GPUs
    And the pools:
      """
      big: { device_masks: [[0, 1]], vram: 48GiB }
      """
    And poolctl is up
    Then big/r0 becomes backoff with the reason "cannot load on GPU 0,1: it needs 48.0 GiB of VRAM, and 47.1 GiB are free"
    And big/r0 has never been starting
    And big/r0 shows:
      | crash_count | 0                                                                      |
      | why         | /47\.1 GiB are free; free the device, or lower "vram"; try \d+ in / |
    When the "memory.free" of GPU 0 becomes "40000"
    Then big/r0 becomes ready

  Scenario: Memory that the tool does not tell is not held against a launch
    Given a machine with the GPUs:
      | name      | memory.total | memory.free | utilization.gpu | temperature.gpu | power.draw | compute_cap |
      | NVIDIA GB10 | [N/A]      | [N/A]       | [N/A]           | [N/A]           | [N/A]      | [N/A]       |
    And the pools:
      """
      chat: { device_masks: [0], vram: 48GiB }
      """
    And poolctl is up
    Then chat/r0 becomes ready
    When I GET "/v2/devices"
    Then the answer is 200 and:
      """
      {
        "devices": [
          {
            "index": "0",
            "uuid": "GPU-00000000-1111-2222-3333-444444444444",
            "name": "NVIDIA GB10",
            "vendor": "nvidia",
            "vram_total_bytes": null,
            "vram_free_bytes": null,
            "compute_capability": null,
            "utilization_percent": null,
            "temperature_celsius": null,
            "power_watts": null,
            "mig": false,
            "healthy": true,
            "ailment": null,
            "age_seconds": "a number",
            "pools": ["chat"],
            "processes": null
          }
        ],
        "note": null
      }
      """

  Scenario: An old driver that does not know every field is asked without it
    Given an nvidia-smi of an old driver that does not know "compute_cap, mig.mode.current"
    And the pools:
      """
      chat: { device_masks: [1] }
      """
    And poolctl is up
    Then chat/r0 becomes ready
    When I GET "/v2/devices"
    Then the answer is 200 with:
      | devices[1].compute_capability | null        |
      | devices[1].vram_total_bytes   | 25769803776 |

  @OC-POOL-3020
  Scenario: A GPU that is cut into slices is used by the slice, and no more as a whole
    Given a machine with one GPU cut into 2 MIG slices
    And the pools:
      """
      chat: { device_masks: ["0:1", "MIG-aaaa0"] }
      """
    And poolctl is up
    Then chat/r0 becomes ready
    And chat/r1 becomes ready
    And the engine of chat/r0 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID      |
      | CUDA_VISIBLE_DEVICES | MIG-aaaa1-bbbb  |
    And the engine of chat/r1 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID      |
      | CUDA_VISIBLE_DEVICES | MIG-aaaa0-bbbb  |
    When I run `poolctl devices`
    Then it exits with 0
    And it says something like "0:1 +MIG-aaaa1-bbbb .* NVIDIA H100 80GB HBM3 MIG 1g.10gb"
    Given the pools:
      """
      chat: { device_masks: [0] }
      """
    When I run `poolctl check`
    Then it exits with 4
    And it says 'there is no device "0"  [UNKNOWN_DEVICE]'
    And it says "the devices are 0:0 (NVIDIA H100 80GB HBM3 MIG 1g.10gb, MIG-aaaa0-bbbb), 0:1"

  @OC-POOL-3012 @OC-POOL-3020 @ORCH-3052
  Scenario: A llama-server that sees no GPU under its mask is a CPU build, and is not launched
    Given a machine with 2 GPUs
    And a llama-server that lists "no device"
    And the model "tiny.gguf"
    And the pools:
      """
      chat: { engine: llamacpp, model: tiny.gguf, device_masks: [1], args: [] }
      """
    And poolctl is up
    Then chat/r0 becomes failed
    And chat/r0 has never been starting
    And chat/r0 shows:
      | last_error | /^cannot put chat on 1: the binary sees no GPU: a CPU build\? \("\S+\/llama-server --list-devices" lists none under this mask\)$/ |
      | why        | /; set "binary" to a build with GPU support, or device_masks: \[cpu\]$/                                                          |
    And llama-server was asked for its devices under the mask "1"

  @OC-POOL-3012 @OC-POOL-3020 @ORCH-3052
  Scenario: A llama-server that sees its GPU gets all layers onto it, and is asked once
    Given a machine with 2 GPUs
    And a llama-server that lists "CUDA0"
    And the model "tiny.gguf"
    And the pools:
      """
      chat: { engine: llamacpp, model: tiny.gguf, device_masks: [1], args: [--ctx-size, "512"] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes ready
    And the command line of chat/r0 holds "--n-gpu-layers 999"
    And the command line of chat/r0 does not hold "--device"
    And the engine of chat/r0 sees its devices by:
      | CUDA_DEVICE_ORDER         | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES      | 1          |
      | GGML_VK_VISIBLE_DEVICES   | 1          |
    And llama-server was asked for its devices under the mask "1"

  @OC-POOL-3012
  Scenario: What the inventory says of layers is left as it is
    Given a machine with 1 GPU
    And a llama-server that lists "CUDA0"
    And the model "tiny.gguf"
    And the pools:
      """
      chat: { engine: llamacpp, model: tiny.gguf, device_masks: [0], args: [-ngl, "10"] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    Then the command line of chat/r0 holds "-ngl 10"
    And the command line of chat/r0 does not hold "--n-gpu-layers"

  @OC-POOL-3012 @ORCH-3052
  Scenario: On the mask cpu llama-server gets no device, and is not asked for any
    Given a machine with 1 GPU
    And a llama-server that lists "no device"
    And the model "tiny.gguf"
    And the pools:
      """
      chat: { engine: llamacpp, model: tiny.gguf, device_masks: [cpu], args: [], slots: 3 }
      """
    And poolctl is up
    And chat/r0 becomes ready
    Then the command line of chat/r0 holds "--device none"
    And the command line of chat/r0 holds "--parallel 3"
    And the command line of chat/r0 does not hold "--n-gpu-layers"
    And llama-server was not asked for its devices
    And the engine of chat/r0 sees its devices by:
      | CUDA_DEVICE_ORDER       | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES    |            |
      | ROCR_VISIBLE_DEVICES    |            |
      | HIP_VISIBLE_DEVICES     | -1         |
      | GGML_VK_VISIBLE_DEVICES |            |

  Scenario: The GPUs of a machine, and who uses them
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [1] }
      """
    When I run `poolctl devices --json`
    Then it exits with 0
    And it prints JSON with:
      | note               | null |
      | devices[0].index   | "0"  |
      | devices[1].pools   | []   |
    Given poolctl is up
    And chat/r0 becomes ready
    When I run `poolctl devices`
    Then it exits with 0
    And it says something like "1 +GPU-11111111-\S+ +23.5 GiB +24.0 GiB +yes +chat +NVIDIA GeForce RTX 3090"
