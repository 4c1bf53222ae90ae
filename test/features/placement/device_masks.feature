Feature: Which devices an engine may see
  Each item of `device_masks` is one engine. It sees the devices of its mask in the written order, by the numbers of nvidia-smi, and
  nothing else; what cannot be had is refused before anything is started.

  Background:
    Given the defaults:
      """
      engine: demo
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 250ms }
      """

  @OC-POOL-3020
  Scenario: Two masks, two engines, each with its own device and no other variable
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [1, 0] }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And chat/r1 becomes ready
    Then the engine of chat/r0 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES | 1          |
    And the engine of chat/r1 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES | 0          |
    And chat/r0 shows:
      | device_mask | "1"                                          |
      | devices     | ["GPU-11111111-1111-2222-3333-444444444444"] |
    And chat/r1 shows:
      | device_mask | "0"                                          |
      | devices     | ["GPU-00000000-1111-2222-3333-444444444444"] |
    And the pool "chat" shows:
      | device_masks | ["1","0"] |
    And the handoff file of chat/r0 has:
      | device_mask | "1" |
    And the environment of chat/r0 holds:
      | POOLCTL_POOL_ID    | chat |
      | POOLCTL_REPLICA_ID | r0   |
    And the environment of chat/r1 holds:
      | POOLCTL_REPLICA_ID | r1   |

  @OC-POOL-3020
  Scenario Outline: A mask may be written in several ways: <mask>
    Given a machine with the GPUs:
      | uuid                                     |
      | GPU-8932f937-d72c-4106-c12f-20bd9faed9f6 |
      | GPU-8932aaaa-d72c-4106-c12f-20bd9faed9f6 |
      | GPU-77a0c1d2-d72c-4106-c12f-20bd9faed9f6 |
    And the pools:
      """
      chat: { device_masks: [<mask>] }
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the engine of chat/r0 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES | <visible>  |
    And the pool "chat" shows:
      | device_masks | <shown> |

    Examples:
      | mask                                       | visible | shown                                        |
      | 0                                          | 0       | ["0"]                                        |
      | [0, 1]                                     | 0,1     | ["0,1"]                                      |
      | [2, 0]                                     | 2,0     | ["2,0"]                                      |
      | "1,0"                                      | 1,0     | ["1,0"]                                      |
      | "GPU0,GPU1"                                | 0,1     | ["0,1"]                                      |
      | GPU-77a0                                   | 2       | ["GPU-77a0"]                                 |
      | gpu-8932F937                               | 0       | ["gpu-8932F937"]                             |
      | GPU-8932f937-d72c-4106-c12f-20bd9faed9f6   | 0       | ["GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"] |
      | [2, GPU-8932a]                             | 2,1     | ["2,GPU-8932a"]                              |
      | all                                        | 0,1,2   | ["all"]                                      |

  @OC-POOL-3012 @OC-POOL-3020
  Scenario: On the mask cpu every GPU is hidden, as often as one likes
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [cpu, cpu, 0] }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And chat/r1 becomes ready
    And chat/r2 becomes ready
    Then the engine of chat/r1 sees its devices by:
      | CUDA_DEVICE_ORDER       | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES    |            |
      | ROCR_VISIBLE_DEVICES    |            |
      | HIP_VISIBLE_DEVICES     | -1         |
      | GGML_VK_VISIBLE_DEVICES |            |
    And the engine of chat/r2 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES | 0          |

  @OC-POOL-3020
  Scenario: What poolctl was started with does not leak into an engine's view
    Given a machine with 2 GPUs
    And the environment:
      | CUDA_VISIBLE_DEVICES     | 0              |
      | CUDA_DEVICE_ORDER        | FASTEST_FIRST  |
      | NVIDIA_VISIBLE_DEVICES   | 0              |
      | ROCR_VISIBLE_DEVICES     | 3              |
      | HIP_VISIBLE_DEVICES      | 3              |
      | GPU_DEVICE_ORDINAL       | 3              |
      | GGML_VK_VISIBLE_DEVICES  | 3              |
      | POOLCTL_TOKEN            | s3cret-of-ours |
      | NOTIFY_SOCKET            | {dir}/notify   |
      | WATCHDOG_USEC            | 1              |
      | WATCHDOG_PID             | 1              |
      | LISTEN_FDS               | 1              |
      | LISTEN_PID               | 1              |
      | LLAMA_ARG_CTX_SIZE       | 1              |
      | LLAMA_SERVER_ROUTER_PORT | 1              |
      | HF_HOME                  | {dir}/hf       |
    And the pools:
      """
      chat: { device_masks: [1], env: { MORE: "${POOL_ID} on ${DEVICE_MASK}" } }
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the engine of chat/r0 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES | 1          |
    And the environment of chat/r0 lacks "POOLCTL_TOKEN, NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, LISTEN_FDS, LISTEN_PID"
    And the environment of chat/r0 lacks "LLAMA_ARG_CTX_SIZE, LLAMA_SERVER_ROUTER_PORT"
    And the environment of chat/r0 holds:
      | HF_HOME | {dir}/hf  |
      | MORE    | chat on 1 |

  @OC-POOL-3020
  Scenario: Each life of an engine has a mark of its own
    Given the pools:
      """
      chat: { device_masks: [cpu], restart: { backoff: { initial: 50ms, min: 0ms } } }
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the environment of chat/r0 has a new POOLCTL_INSTANCE
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    Then the environment of chat/r0 has a new POOLCTL_INSTANCE

  @OC-POOL-3020
  Scenario Outline: A device that the machine does not have is refused, with those that it has: <mask>
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [<mask>] }
      """
    When I run `poolctl check`
    Then it exits with 4
    And the codes are "<code>"
    And it says '<message>'

    Examples:
      | mask           | code           | message                                                                                |
      | 2              | UNKNOWN_DEVICE | the devices are 0 (NVIDIA GeForce RTX 3090, GPU-00000000-1111-2222-3333-444444444444), 1 (NVIDIA GeForce RTX 3090, GPU-11111111-1111-2222-3333-444444444444) |
      | [0, 2]         | UNKNOWN_DEVICE | there is no device "2"                                                                 |
      | GPU-77         | UNKNOWN_DEVICE | there is no device "GPU-77"                                                            |
      | "0:1"          | UNKNOWN_DEVICE | there is no device "0:1"                                                               |
      | [0, 0]         | INVALID_VALUE  | it names 0 twice                                                                       |
      | "0,GPU0"       | INVALID_VALUE  | it names 0 twice                                                                       |
      | [0, GPU-000]   | INVALID_VALUE  | the mask "0,GPU-000" names GPU 0 twice                                                 |
      | [0, cpu]       | INVALID_VALUE  | "cpu" stands alone, not beside other devices                                           |
      | "all,0"        | INVALID_VALUE  | "all" stands alone, not beside other devices                                           |
      | []             | INVALID_VALUE  | device_masks                                                                           |
      | "0,"           | INVALID_VALUE  | it has an empty place                                                                  |
      | first          | INVALID_VALUE  | "first" is no device                                                                   |

  @OC-POOL-3020
  Scenario: The beginning of a UUID that could be several devices is refused
    Given a machine with the GPUs:
      | uuid                                     |
      | GPU-8932f937-d72c-4106-c12f-20bd9faed9f6 |
      | GPU-8932aaaa-d72c-4106-c12f-20bd9faed9f6 |
    And the pools:
      """
      chat: { device_masks: [GPU-8932] }
      """
    When I run `poolctl check`
    Then it exits with 4
    And it says '"GPU-8932" could be any of GPU-8932f937-d72c-4106-c12f-20bd9faed9f6, GPU-8932aaaa-d72c-4106-c12f-20bd9faed9f6  [UNKNOWN_DEVICE]'

  @OC-POOL-3020
  Scenario: Two pools on one device: both places, and the lines to add
    Given a machine with 2 GPUs
    And the file "pools.yaml":
      """
      version: 1
      pools:
        chat:
          engine: demo
          device_masks: [0, 1]
        code:
          engine: demo
          device_masks: [1]
      """
    When I run `poolctl check`
    Then it exits with 4
    And it prints:
      """
      pools.yaml:8:20: error: GPU 1 is in the masks of "chat" and "code"  [DEVICE_CONFLICT]
        8 |     device_masks: [1]
          |                    ^ also at pools.yaml:5:23; to share it, add to both pools:
          |     share: true
      1 error in pools.yaml
      """
    When I run `poolctl up`
    Then it exits with 4
    And it says "1 error in pools.yaml. Nothing was started."
    And nothing was started

  @OC-POOL-3020
  Scenario Outline: Who may share a device: <who>
    Given a machine with 2 GPUs
    And the pools:
      """
      <pools>
      """
    When I run `poolctl check`
    Then it exits with <exit>
    And it says '<says>'

    Examples:
      | who                      | pools                                                                               | exit | says                         |
      | only the first says so   | chat: { device_masks: [0], share: true }\ncode: { device_masks: [0] }              | 4    | to share it, add to "code":  |
      | only the second says so  | chat: { device_masks: [0] }\ncode: { device_masks: [0], share: true }              | 4    | to share it, add to "chat":  |
      | all and one of them      | chat: { device_masks: [0] }\ncode: { device_masks: [all] }                         | 4    | GPU 0 is in the masks of     |
      | two names for one        | chat: { device_masks: [0, GPU0] }                                                  | 4    | GPU 0 is in two masks of     |
      | two orders of the same   | chat: { device_masks: ["0,1"] }\ncode: { device_masks: [[1, 0]] }                  | 4    | GPU 1 and GPU 0 are in the masks of |
      | both say so              | chat: { device_masks: [0], share: true }\ncode: { device_masks: [0], share: true } | 0    | 2 pools, 2 replicas, no problems |
      | replicas that say so     | chat: { device_masks: [0, 0], share: true }                                        | 0    | 1 pool, 2 replicas, no problems  |
      | nobody has to            | chat: { device_masks: [0] }\ncode: { device_masks: [1] }                           | 0    | 2 pools, 2 replicas, no problems |

  @OC-POOL-3020
  Scenario: Those who share a device both get it
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [0, 0], share: true }
      code: { device_masks: [0], share: true }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And chat/r1 becomes ready
    And code/r0 becomes ready
    Then the engine of code/r0 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES | 0          |
    When I GET "/v2/devices"
    Then the answer is 200 with:
      | devices[0].pools | ["chat","code"] |
      | devices[1].pools | []              |

  @OC-POOL-3012
  Scenario Outline: On a machine without a GPU "all" is refused where a GPU is needed: <engine>, <machine>
    Given <machine>
    And the pools:
      """
      chat: { engine: <engine>, model: /nowhere.gguf, args: [] }
      """
    When I run `poolctl check`
    Then it exits with 4
    And the codes are "NO_DEVICES"
    And it says 'the mask "all" needs a GPU, and none was found'
    And it says "device_masks: [cpu]"

    Examples:
      | engine   | machine                            |
      | llamacpp | an nvidia-smi that finds no GPU    |
      | vllm     | an nvidia-smi that finds no GPU    |
      | sglang   | no nvidia-smi on the machine       |

  Scenario: On a machine without a GPU "all" is no device for a demo and a program of one's own
    Given no nvidia-smi on the machine
    And the pools:
      """
      chat: {}
      work: { engine: command, command: [sleep, "600"], args: [], health: { path: none, min_uptime: 50ms } }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And work/r0 becomes ready
    Then chat/r0 shows:
      | device_mask | all |
      | devices     | []  |
    And the engine of work/r0 sees its devices by:
      | CUDA_DEVICE_ORDER       | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES    |            |
      | ROCR_VISIBLE_DEVICES    |            |
      | HIP_VISIBLE_DEVICES     | -1         |
      | GGML_VK_VISIBLE_DEVICES |            |
    When I run `poolctl devices`
    Then it exits with 0
    And it says "none of nvidia-smi, amd-smi and rocm-smi is on PATH"

  @OC-POOL-3020
  Scenario Outline: What a mask decides no pool may set by hand: <name>
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { device_masks: [0], env: { <name>: "1" } }
      """
    When I run `poolctl check`
    Then it exits with 4
    And the codes are "MASK_VARIABLE"
    And it says "<hint>"

    Examples:
      | name                    | hint                           |
      | CUDA_VISIBLE_DEVICES    | say it by device_masks         |
      | CUDA_DEVICE_ORDER       | say it by device_masks         |
      | ROCR_VISIBLE_DEVICES    | say it by device_masks         |
      | HIP_VISIBLE_DEVICES     | say it by device_masks         |
      | GGML_VK_VISIBLE_DEVICES | say it by device_masks         |
      | POOLCTL_INSTANCE        | poolctl sets it for every engine |

  @OC-POOL-3021
  Scenario Outline: Ratios that do not fit the mask are refused: <split>
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { engine: llamacpp, model: /nowhere.gguf, args: [], device_masks: [[0, 1]], tensor_split: <split> }
      """
    When I run `poolctl check`
    Then it exits with 4
    And it says "[SPLIT_MISMATCH]"
    And it says "<message>"

    Examples:
      | split           | message                                   |
      | [0.5, 0.6]      | must have the sum 1.0, have 1.1           |
      | [0.2, 0.3, 0.5] | has 3 ratios, and the mask                |

  @OC-POOL-3020
  Scenario: AMD's devices are masked by the numbers that ROCm gives them, whatever order their tool has
    Given no nvidia-smi on the machine
    And a machine with the AMD GPUs:
      | hip_id | hip_uuid             |
      | 1      | GPU-c2171ff77417f1d6 |
      | 0      | GPU-de8287300da37c72 |
    And the pools:
      """
      chat: { device_masks: [GPU-c217, 0] }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And chat/r1 becomes ready
    Then the engine of chat/r0 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | ROCR_VISIBLE_DEVICES | 1          |
    And the engine of chat/r1 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | ROCR_VISIBLE_DEVICES | 0          |
    When I GET "/v2/devices"
    Then the answer is 200 with:
      | devices[0].uuid   | GPU-de8287300da37c72 |
      | devices[0].vendor | amd                  |
      | devices[0].pools  | ["chat"]             |
      | devices[1].index  | "1"                  |

  @OC-POOL-3020
  Scenario: Where GPUs of two vendors have one number, the number alone is refused with the UUIDs that tell them apart
    Given a machine with 1 GPU
    And a machine with the AMD GPUs:
      | hip_id | hip_uuid             |
      | 0      | GPU-de8287300da37c72 |
    And the pools:
      """
      chat: { device_masks: [0] }
      """
    When I run `poolctl check`
    Then it exits with 4
    And the codes are "UNKNOWN_DEVICE"
    And it says '"0" could be any of GPU-00000000-1111-2222-3333-444444444444, GPU-de8287300da37c72'
    Given the pools:
      """
      chat: { device_masks: [GPU-0000, GPU-de82] }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And chat/r1 becomes ready
    Then the engine of chat/r0 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | CUDA_VISIBLE_DEVICES | 0          |
    And the engine of chat/r1 sees its devices by:
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
      | ROCR_VISIBLE_DEVICES | 0          |
