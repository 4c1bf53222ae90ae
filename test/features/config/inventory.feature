Feature: pools.yaml, read strictly
  Everything that is wrong with the file is told at once, with its place and what to write instead, and then nothing is started.

  Scenario: Five mistakes, five places
    Given a machine with 2 GPUs
    And the file "pools.yaml":
      """
      version: 1
      pools:
        chat:
          engine: demo
          modle: tiny.gguf
          device_masks: [0, 2]
          health: { interval: 5 }
        code:
          engine: demmo
          args: [--ctx-size, "${CTX}"]
          device_masks: [cpu]
      """
    When I run `poolctl check`
    Then it exits with 4
    And it prints:
      """
      pools.yaml:5:5: error: unknown key "modle" in pools.chat  [UNKNOWN_KEY]
        5 |     modle: tiny.gguf
          |     ^^^^^ did you mean "model"?
      pools.yaml:6:23: error: there is no device "2"  [UNKNOWN_DEVICE]
        6 |     device_masks: [0, 2]
          |                       ^ the devices are 0 (NVIDIA GeForce RTX 3090, GPU-00000000-1111-2222-3333-444444444444), 1 (NVIDIA GeForce RTX 3090, GPU-11111111-1111-2222-3333-444444444444)
      pools.yaml:7:25: error: pools.chat.health.interval must be a duration above zero with its unit, such as 30s, is 5  [WRONG_TYPE]
        7 |     health: { interval: 5 }
          |                         ^ write the unit: 5s
      pools.yaml:9:13: error: pools.code.engine must be llamacpp, vllm, sglang, command or demo, is "demmo"  [INVALID_VALUE]
        9 |     engine: demmo
          |             ^^^^^ did you mean "demo"?
      pools.yaml:10:24: error: unknown placeholder "${CTX}" in pools.code.args[1]  [UNKNOWN_PLACEHOLDER]
       10 |     args: [--ctx-size, "${CTX}"]
          |                        ^^^^^^^^ they are PORT HOST MODEL MODEL_ID POOL_ID REPLICA_ID DEVICE_MASK SLOTS STATE_DIR INVENTORY_DIR; write $${ for a literal ${
      5 errors in pools.yaml
      """
    When I run `poolctl up`
    Then it exits with 4
    And it prints nothing
    And the codes are "UNKNOWN_KEY, UNKNOWN_DEVICE, WRONG_TYPE, INVALID_VALUE, UNKNOWN_PLACEHOLDER"
    And it says "5 errors in pools.yaml. Nothing was started."
    And nothing was started

  Scenario Outline: <code>: <what>
    Given a machine with 1 GPU
    And the file "pools.yaml":
      """
      version: 1
      <yaml>
      """
    When I run `poolctl check`
    Then it exits with 4
    And the codes are "<code>"
    And it points at '<place>'
    And it says '<says>'

    Examples:
      | code                | what                        | place                | yaml                                                                                              | says                                       |
      | YAML_SYNTAX         | a quote is open             | "engine: demo }      | pools:\n  chat: { "engine: demo }                                                                 | the quote that begins here is never closed |
      | YAML_SYNTAX         | a tag                       | !env                | pools:\n  chat: { engine: !env ENGINE }                                               | tags such as !name are not read            |
      | YAML_SYNTAX         | a second document           | ---                  | pools: {}\n---\npools: {}                                                                         | an inventory is one document               |
      | UNKNOWN_KEY         | misspelt in a pool          | arg:                 | pools:\n  chat: { engine: demo, arg: [] }                                                         | did you mean "args"?                       |
      | UNKNOWN_KEY         | misspelt in a group         | intervall:           | pools:\n  chat: { engine: demo, health: { intervall: 1s } }                                       | did you mean "interval"?                   |
      | UNKNOWN_KEY         | in the wrong place          | device_masks:        | device_masks: [cpu]\npools: {}                                                                    | it is a key of a pool, or of "defaults"    |
      | MISSING_KEY         | no engine, no model         | chat: {}             | pools:\n  chat: {}                                                                                | missing key "model" in pools.chat          |
      | MISSING_KEY         | no command                  | chat:                | pools:\n  chat: { engine: command }                                                               | missing key "command" in pools.chat        |
      | MISSING_KEY         | no model                    | chat:                | pools:\n  chat: { engine: vllm }                                                                  | missing key "model" in pools.chat          |
      | WRONG_TYPE          | a text for a list           | --verbose            | pools:\n  chat: { engine: demo, args: --verbose }                                                 | write a list: [--verbose]                  |
      | WRONG_TYPE          | a list for the pools        | [chat]               | pools: [chat]                                                                                     | pools must be                              |
      | INVALID_VALUE       | an engine of no kind        | vlm,                 | pools:\n  chat: { engine: vlm, model: org/repo }                                                  | did you mean "vllm"?                       |
      | INVALID_VALUE       | a pool id with capitals     | Chat:                | pools:\n  Chat: { engine: demo }                                                                  | did you mean "chat"?                       |
      | INVALID_VALUE       | a pool called all           | all:                 | pools:\n  all: { engine: demo }                                                                   | and not "all"                              |
      | INVALID_VALUE       | a port that is none         | 65536                | pools:\n  chat: { engine: demo, port: 65536 }                                                     | auto or a port from 1 to 65535             |
      | INVALID_VALUE       | ports beyond the last       | 65535                | pools:\n  chat: { engine: demo, device_masks: [cpu, cpu], port: 65535 }                           | its replica r1 would need port 65536       |
      | INVALID_VALUE       | a user that is none         | no-such-user         | pools:\n  chat: { engine: demo, user: no-such-user }                                              | who does not exist here                    |
      | INVALID_VALUE       | a variable that is not set  | NOT_SET_ANYWHERE     | pools:\n  chat: { engine: demo, env: { A: { from_env: NOT_SET_ANYWHERE } } }                      | export NOT_SET_ANYWHERE before poolctl up  |
      | INVALID_VALUE       | a model from the open net   | "http://             | pools:\n  chat: { engine: llamacpp, model: "http://example.org/a.gguf" }                          | http                                       |
      | INVALID_VALUE       | bounds in disorder          | 2m                   | pools:\n  chat: { engine: demo, restart: { backoff: { min: 2m } } }                               | min must not be above max                  |
      | INVALID_VALUE       | open to all without a token | "0.0.0.0             | supervisor: { listen: "0.0.0.0:9200" }\npools: {}                                                 | there is no token                          |
      | INVALID_VALUE       | too few ports               | 18100-18100          | supervisor: { ports: 18100-18100 }\npools:\n  chat: { engine: demo, device_masks: [cpu, cpu] }    | has 1 ports, and 2 replicas want one of it |
      | UNKNOWN_PLACEHOLDER | misspelt                    | "${PROT}"            | pools:\n  chat: { engine: demo, args: ["${PROT}"] }                                               | did you mean ${PORT}?                      |
      | UNKNOWN_PLACEHOLDER | not closed                  | "${PORT"             | pools:\n  chat: { engine: demo, args: ["${PORT"] }                                                | placeholder that is not closed             |
      | UNKNOWN_DEVICE      | not on this machine         | 1]                   | pools:\n  chat: { engine: demo, device_masks: [1] }                                               | there is no device "1"                     |
      | DEVICE_CONFLICT     | two pools, one device       | 0] }\n               | pools:\n  chat: { engine: demo, device_masks: [0] }\n  code: { engine: demo, device_masks: [0] }  | also at pools.yaml:3:40                    |
      | PORT_CONFLICT       | two pools, one port         | 9000 }\n             | pools:\n  chat: { engine: demo, device_masks: [cpu], port: 9000 }\n  code: { engine: demo, device_masks: [cpu], port: 9000 } | also at pools.yaml:3:52                    |
      | SPLIT_MISMATCH      | one ratio too many          | [0.5                 | pools:\n  chat: { engine: llamacpp, model: /a.gguf, device_masks: [0], tensor_split: [0.5, 0.5] } | has 2 ratios                               |
      | MASK_VARIABLE       | a mask by hand              | CUDA_VISIBLE_DEVICES | pools:\n  chat: { engine: demo, env: { CUDA_VISIBLE_DEVICES: "0" } }                              | say it by device_masks                     |
      | DUPLICATE_KEY       | a pool twice                | chat:                | pools:\n  chat: { engine: demo }\n  chat: { engine: demo }                                        | also at pools.yaml:3:3                     |

  Scenario Outline: A file that cannot be read is an error of its own: <what>
    Given the directory "folder"
    And the empty file "empty.yaml"
    And the file "blank.yaml":
      """
      # nothing but words
      """
    And the file "binary.yaml" with the bytes 706f6f6c733afffe00
    And the file "large.yaml" of 2 MiB
    When I run `poolctl check <file>`
    Then it exits with 4
    And it says '<says>'
    When I run `poolctl up --file <file>`
    Then it exits with 4
    And it says '<says>'
    And it says "1 error in <file>. Nothing was started."
    And nothing was started

    Examples:
      | what             | file        | says                                                                     |
      | not there        | none.yaml   | none.yaml: error: cannot read the inventory: there is no such file  [FILE_NOT_FOUND] |
      | a directory      | folder      | folder: error: cannot read the inventory: it is a directory  [FILE_NOT_FOUND] |
      | empty            | empty.yaml  | empty.yaml: error: cannot read the inventory: it is empty  [FILE_NOT_FOUND] |
      | only a comment   | blank.yaml  | blank.yaml: error: cannot read the inventory: it is empty  [FILE_NOT_FOUND] |
      | no text          | binary.yaml | what follows is not UTF-8  [YAML_SYNTAX]                                 |
      | too large        | large.yaml  | it has more than 1 MiB  [FILE_NOT_FOUND]                                 |

  Scenario: No file anywhere
    When I run `poolctl check`
    Then it exits with 4
    And it says "cannot find an inventory: neither ./pools.yaml nor {dir}/.config/poolctl/pools.yaml is there"

  Scenario: The places where the file is looked for, in their order
    Given the directory ".config/poolctl"
    And the file ".config/poolctl/pools.yaml":
      """
      version: 1
      pools: {}
      """
    When I run `poolctl check`
    Then it prints:
      """
      0 pools, 0 replicas, no problems in .config/poolctl/pools.yaml
      """
    Given the file "pools.yaml":
      """
      version: 1
      pools:
        chat: { engine: demo, device_masks: [cpu, cpu] }
      """
    When I run `poolctl check`
    Then it prints:
      """
      1 pool, 2 replicas, no problems in pools.yaml
      """
    Given the file "other.yaml":
      """
      version: 1
      pools:
        chat: { engine: demo, device_masks: [cpu] }
      """
    And the environment:
      | POOLCTL_FILE | {dir}/other.yaml |
    When I run `poolctl check`
    Then it prints:
      """
      1 pool, 1 replica, no problems in {dir}/other.yaml
      """
    When I run `poolctl --file pools.yaml check`
    Then it prints:
      """
      1 pool, 2 replicas, no problems in pools.yaml
      """

  Scenario: The answer of check for programs
    Given the file "pools.yaml":
      """
      version: 1
      pools:
        chat: { engine: demo, device_masks: [cpu], modle: x }
      """
    When I run `poolctl check --json`
    Then it exits with 4
    And it prints JSON:
      """
      {
        "ok": false,
        "problems": [
          {
            "file": "pools.yaml",
            "line": 3,
            "column": 46,
            "severity": "error",
            "code": "UNKNOWN_KEY",
            "message": "unknown key \"modle\" in pools.chat",
            "hint": "did you mean \"model\"?"
          }
        ]
      }
      """
    When I run `poolctl up --json`
    Then it exits with 4
    And it prints JSON with:
      | error.code       | INVENTORY_INVALID |
      | problems[0].code | UNKNOWN_KEY       |
    Given the file "pools.yaml":
      """
      version: 1
      pools: {}
      """
    When I run `poolctl check --json`
    Then it exits with 0
    And it prints JSON:
      """
      { "ok": true, "problems": [] }
      """

  Scenario: Without a look at the machine only the file is judged
    Given the file "pools.yaml":
      """
      version: 1
      pools:
        chat: { engine: demo, device_masks: [7], user: no-such-user, env: { A: { from_env: NOT_SET_ANYWHERE } } }
      """
    When I run `poolctl check --no-host`
    Then it exits with 0
    And it says "pools.yaml:3:86: warning: pools.chat.env.A is read from NOT_SET_ANYWHERE, which is not set  [INVALID_VALUE]"
    And it says "1 warning in pools.yaml"
    When I run `poolctl check`
    Then it exits with 4
    And it says "[UNKNOWN_DEVICE]"

  Scenario: An inventory without pools is valid, and a supervisor without pools is one
    Given the file "pools.yaml":
      """
      version: 1
      pools: {}
      """
    And poolctl is up
    When I GET "/v2/pools"
    Then the answer is 200 with:
      | pools | [] |
    When I run `poolctl status --json`
    Then it exits with 0

  Scenario: Pools inherit the defaults key by key
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      slots: 3
      env: { SHARED: from defaults, OWN: from defaults }
      health: { startup_interval: 50ms, interval: 250ms }
      """
    And the pools:
      """
      chat: { env: { OWN: from the pool } }
      code: { slots: 5, args: [--load-time, 10ms], device_masks: [cpu, cpu] }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And code/r1 becomes ready
    Then the environment of chat/r0 holds:
      | SHARED | from defaults |
      | OWN    | from the pool |
    And the command line of chat/r0 ends with:
      | --slots     |
      | 3           |
      | --load-time |
      | 20ms        |
    And the command line of code/r1 ends with:
      | --slots     |
      | 5           |
      | --load-time |
      | 10ms        |
    And the environment of code/r1 holds:
      | OWN | from defaults |

  Scenario: Placeholders are filled in, and $${ is a literal ${
    Given a machine with 2 GPUs
    And the model "tiny.gguf"
    And the pools:
      """
      chat:
        engine: command
        model: tiny.gguf
        device_masks: [[1, 0]]
        slots: 6
        command: [sleep, "600"]
        env:
          P: "${PORT} ${HOST} ${MODEL} ${MODEL_ID}"
          Q: "${POOL_ID} ${REPLICA_ID} ${DEVICE_MASK} ${SLOTS}"
          R: "${STATE_DIR} ${INVENTORY_DIR} $${PORT} $PORT"
        health: { path: none, min_uptime: 50ms }
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the environment of chat/r0 holds:
      | P | {port} 127.0.0.1 {dir}/tiny.gguf tiny |
      | Q | chat r0 1,0 6                         |
      | R | {dir}/state {dir} ${PORT} $PORT       |

  Scenario: A secret reaches the engine, and nobody else
    Given the environment:
      | HF_SECRET | hunter2-of-the-hub |
    And the pools:
      """
      chat:
        engine: command
        device_masks: [cpu]
        command: [sh, -c, 'exec sleep 600', sh, --api-key, hunter3-of-args, --auth-token=hunter4-of-args]
        env: { HUB: { from_env: HF_SECRET }, MY_PASSWORD: hunter5-of-env }
        health: { path: none, min_uptime: 50ms }
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the environment of chat/r0 holds:
      | HUB         | hunter2-of-the-hub |
      | MY_PASSWORD | hunter5-of-env     |
    And the handoff file of chat/r0 has:
      | flags[3] | --api-key        |
      | flags[4] | ***              |
      | flags[5] | --auth-token=*** |
    When I run `poolctl status --json`
    Then nothing that poolctl wrote or printed holds "hunter"
    When I run `poolctl events --json`
    Then nothing that poolctl wrote or printed holds "hunter"

  Scenario: A mistake beside a secret does not show it
    Given the file "pools.yaml":
      """
      version: 1
      pools:
        chat: { engine: demo, env: { API_TOKEN: hunter2 }, args: [--api-key, hunter3, "${PROT}"], modle: x }
      """
    When I run `poolctl check`
    Then it exits with 4
    And the codes are "UNKNOWN_PLACEHOLDER, UNKNOWN_KEY"
    And it does not say "hunter"
    When I run `poolctl check --json`
    Then it does not say "hunter"
