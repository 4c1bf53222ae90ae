Feature: One model over several devices
  Who says nothing gets no split flags. Who says how a model is to be divided is taken at his word: one ratio for each device of the mask,
  together 1.0, told to the engine by its own flags. What does not fit, or contradicts the args, is refused before anything starts.

  Background:
    Given the defaults:
      """
      health: { startup_interval: 50ms, interval: 250ms, min_uptime: 50ms }
      restart: { backoff: { initial: 100ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3021
  Scenario: llama-server is told the ratios of its own replica's devices, in the order of the mask
    Given a machine with 4 GPUs
    And a llama-server that lists "CUDA0, CUDA1"
    And the model "big.gguf"
    And the pools:
      """
      big: { model: big.gguf, device_masks: [[1, 0], "2,3"], tensor_split: [0.75, 0.25] }
      """
    And poolctl is up
    When big/r0 becomes ready
    And big/r1 becomes ready
    Then the command line of big/r0 holds "--tensor-split 0.75,0.25"
    And the command line of big/r1 holds "--tensor-split 0.75,0.25"
    And the engine of big/r0 sees its devices by:
      | CUDA_VISIBLE_DEVICES    | 1,0        |
      | CUDA_DEVICE_ORDER       | PCI_BUS_ID |
      | GGML_VK_VISIBLE_DEVICES | 1,0        |
    And the engine of big/r1 sees its devices by:
      | CUDA_VISIBLE_DEVICES    | 2,3        |
      | CUDA_DEVICE_ORDER       | PCI_BUS_ID |
      | GGML_VK_VISIBLE_DEVICES | 2,3        |

  @OC-POOL-3021
  Scenario: Without ratios no engine gets a split flag
    Given a machine with 2 GPUs
    And a llama-server that lists "CUDA0, CUDA1"
    And the model "big.gguf"
    And the pools:
      """
      big: { model: big.gguf, device_masks: [all], share: true }
      other: { engine: vllm, model: org/repo, binary: "{rig}/fake-vllm.mjs", device_masks: [all], share: true }
      """
    And poolctl is up
    When big/r0 becomes ready
    And other/r0 becomes ready
    Then the command line of big/r0 does not hold "--tensor-split"
    And the command line of other/r0 does not hold "--tensor-parallel-size"

  @OC-POOL-3021
  Scenario Outline: <engine> divides evenly: it gets a worker for each device of a mask with equal ratios
    Given a machine with 4 GPUs
    And the pools:
      """
      even: { engine: <engine>, model: org/repo, binary: "{rig}/fake-<engine>.mjs", device_masks: [[2, 3]], tensor_split: [0.5, 0.5] }
      own:
        engine: <engine>
        model: org/repo
        binary: "{rig}/fake-<engine>.mjs"
        device_masks: [[0, 1]]
        tensor_split: [0.5, 0.5]
        args: [<flag>, "2"]
      """
    And poolctl is up
    When even/r0 becomes ready
    And own/r0 becomes ready
    Then the command line of even/r0 holds "--tensor-parallel-size 2"
    And the engine of even/r0 sees its devices by:
      | CUDA_VISIBLE_DEVICES | 2,3        |
      | CUDA_DEVICE_ORDER    | PCI_BUS_ID |
    And the command line of own/r0 ends with:
      | <flag> |
      | 2      |

    Examples:
      | engine | flag                   |
      | vllm   | --tensor-parallel-size |
      | sglang | --tp-size              |

  @OC-POOL-3021
  Scenario Outline: What cannot be split so is refused, and nothing is started: <what>
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { <engine>, device_masks: [<mask>], <split> }
      """
    When I run `poolctl check`
    Then it exits with 4
    And the codes are "SPLIT_MISMATCH"
    And it says "<message>"
    And it points at "<place>"
    When I run `poolctl up`
    Then it exits with 4
    And it says "Nothing was started."
    And nothing was started

    Examples:
      | what                       | engine                          | mask   | split                                                       | place     | message                                                               |
      | too much                   | model: /m.gguf                  | [0, 1] | tensor_split: [0.5, 0.6]                                    | [0.5, 0.6 | must have the sum 1.0, have 1.1                                       |
      | a ratio too many           | model: /m.gguf                  | [0, 1] | tensor_split: [0.2, 0.3, 0.5]                               | [0.2      | has 3 ratios, and the mask                                            |
      | a device that is not there | model: /m.gguf                  | all    | tensor_split: [0.2, 0.3, 0.5]                               | [0.2      | has 3 ratios, and the mask                                            |
      | no device                  | model: /m.gguf                  | cpu    | tensor_split: [0.5, 0.5]                                    | [0.5      | of r0 has 0 devices                                                   |
      | one device                 | model: /m.gguf                  | 0      | tensor_split: [0.5, 0.5]                                    | [0.5      | of r0 has 1 device                                                    |
      | twice                      | model: /m.gguf                  | [0, 1] | tensor_split: [0.5, 0.5], args: [--tensor-split, "1,1"]     | [0.5      | it is split twice: by tensor_split, and by --tensor-split in its args |
      | no split mode              | model: /m.gguf                  | [0, 1] | tensor_split: [0.5, 0.5], args: [-sm, none]                 | [0.5      | --split-mode none in its args keeps the model on one device           |
      | unevenly by vllm           | engine: vllm, model: org/repo   | [0, 1] | tensor_split: [0.75, 0.25]                                  | [0.75     | vllm divides a model evenly, and the ratios are 0.75, 0.25            |
      | unevenly by sglang         | engine: sglang, model: org/repo | [0, 1] | tensor_split: [0.75, 0.25]                                  | [0.75     | sglang divides a model evenly, and the ratios are 0.75, 0.25          |
      | a copy for each device     | engine: vllm, model: org/repo   | [0, 1] | tensor_split: [0.5, 0.5], args: [--data-parallel-size, "2"] | [0.5      | its args have --data-parallel-size, and the ratios are for one model  |
      | more workers than devices  | engine: vllm, model: org/repo   | [0, 1] | args: [--tensor-parallel-size, "4"]                         | [--tensor | of r0: --tensor-parallel-size 4 is for 4 devices, and there are 2     |
      | fewer workers than devices | engine: sglang, model: org/repo | [0, 1] | args: [--tp, "1"]                                           | [--tp     | of r0: --tp 1 is for 1 device, and there are 2                        |
      | other workers than ratios  | engine: vllm, model: org/repo   | [0, 1] | tensor_split: [0.5, 0.5], args: [-tp, "2", -pp, "2"]        | [-tp      | -tp 2, -pp 2 is for 4 devices, and there are 2                        |

  @OC-POOL-3021
  Scenario: For an engine that cannot be told, ratios are a warning, and no flag
    Given a machine with 2 GPUs
    And the pools:
      """
      chat: { engine: demo, device_masks: [[0, 1]], tensor_split: [0.5, 0.5], args: [--load-time, 20ms] }
      """
    When I run `poolctl check`
    Then it exits with 0
    And it says "warning: pools.chat.tensor_split has no effect: poolctl knows no flag by which engine demo could be told  [NO_EFFECT]"
    When poolctl is up
    Then chat/r0 becomes ready
    And the command line of chat/r0 does not hold "--tensor-split"

  @OC-POOL-3021
  Scenario: A mask "all" that has lost a device is not split over those that are left
    Given a machine with 2 GPUs
    And the supervisor setting "device_poll: 500ms"
    And a llama-server that lists "CUDA0, CUDA1"
    And the model "big.gguf"
    And the pools:
      """
      big: { model: big.gguf, device_masks: [all], tensor_split: [0.5, 0.5], autostart: false }
      """
    And poolctl is up
    When GPU 1 falls off the bus
    And there is an event "device.lost" with:
      | level | error |
    And I run `poolctl start big --no-wait`
    Then big/r0 becomes backoff
    And big/r0 shows:
      | why | /^GPU 1 .* of mask all is gone: its tool lists it no more; / |
    When a machine with 2 GPUs
    Then big/r0 becomes ready
    And the command line of big/r0 holds "--tensor-split 0.5,0.5"
