Feature: All layers of a model on the devices of its mask
  A llama-server that finds too little memory may leave a part of the model to the CPU and serve at a tenth of the pace. Whoever wants that
  says so in the inventory; everybody else is told.

  Background:
    Given a machine with 2 GPUs
    And the model "tiny.gguf"
    And the defaults:
      """
      engine: llamacpp
      model: tiny.gguf
      args: []
      health: { startup_interval: 50ms, interval: 250ms }
      """

  @OC-POOL-3012 @ORCH-3052
  Scenario: An engine that keeps layers on the CPU serves, and is told of
    Given a llama-server that lists "CUDA0" and puts "20/33" layers there
    And the pools:
      """
      chat: { device_masks: [1] }
      """
    And poolctl is up
    Then there is an event "device.mismatch" with:
      | pool_id    | chat                                                               |
      | replica_id | r0                                                                 |
      | level      | warn                                                               |
      | reason     | has 20 of 33 layers on its devices, the others on the CPU          |
      | human      | chat/r0 has 20 of 33 layers on its devices, the others on the CPU  |
    And chat/r0 becomes ready

  @OC-POOL-3012 @ORCH-3052
  Scenario Outline: Nothing is told where <what>
    Given a llama-server that lists "CUDA0" and puts "<layers>" layers there
    And the pools:
      """
      chat: { device_masks: [<mask>], <more> }
      """
    And poolctl is up
    And chat/r0 becomes ready
    # Its log has been read to its end when its death is explained.
    When the engine of chat/r0 gets SIGKILL
    Then there is an event "replica.crashed" with:
      | replica_id | r0 |
    And there is no event "device.mismatch"

    Examples:
      | what                                    | layers | mask | more                                  |
      | all layers are there                    | 33/33  | 1    | stop: {}                              |
      | the inventory gives the number          | 20/33  | 1    | args: [--n-gpu-layers, "20"]          |
      | the inventory leaves experts to the CPU | 20/33  | 1    | args: [--n-cpu-moe, "8"]              |
      | the inventory gives it by a variable    | 20/33  | 1    | env: { LLAMA_ARG_N_GPU_LAYERS: '20' } |
      | there is no device                      | 0/33   | cpu  | stop: {}                              |
