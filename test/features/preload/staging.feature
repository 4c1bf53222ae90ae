Feature: A model is brought to where its engine can read it
  A model that is named by where it comes from is looked for on this machine first. It is fetched only where that is allowed, once for all
  who want it; until it is there, whole and the very one, no engine starts, and the pool says how far it is.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 250ms }
      restart: { backoff: { initial: 100ms, min: 0ms, jitter: 0 } }
      """
    And a server of models

  @OC-POOL-3001
  Scenario: What lies in a cache is used as it lies there, and nobody is asked
    Given the model lies at ".cache/huggingface/hub/models--org--repo/snapshots/abc/q4/m.gguf"
    And the model lies at ".cache/llama.cpp/org_other_n.gguf"
    And the pools:
      """
      chat: { model: "hf:org/repo/q4/m.gguf" }
      code: { model: "hf:org/other/n.gguf" }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And code/r0 becomes ready
    Then the command line of chat/r0 holds "--model {dir}/.cache/huggingface/hub/models--org--repo/snapshots/abc/q4/m.gguf"
    And the command line of code/r0 holds "--model {dir}/.cache/llama.cpp/org_other_n.gguf"
    And chat/r0 shows:
      | model_ref | hf:org/repo/q4/m.gguf |
      | model_id  | m                     |
    And the handoff file of chat/r0 has:
      | model.ref  | hf:org/repo/q4/m.gguf                                                       |
      | model.path | {dir}/.cache/huggingface/hub/models--org--repo/snapshots/abc/q4/m.gguf |
    And there is an event "model.staged" with:
      | pool_id | chat                                                                    |
      | level   | info                                                                    |
      | result  | unverified                                                              |
      | detail  | /^m\.gguf, .*, in the Hugging Face cache, its digest is not checked, since the pool has no model_digest$/ |
    And it was asked 0 times

  Scenario: What is not here and may not be fetched is refused, with the command that would fetch it
    Given the pools:
      """
      chat: { model: "hf:org/repo/q4/m.gguf" }
      code: { model: "{files}/m.gguf?token=plant-01" }
      """
    And poolctl is up
    When chat/r0 becomes failed
    And code/r0 becomes failed
    Then chat/r0 shows:
      | last_error | cannot use the model "hf:org/repo/q4/m.gguf": it is in no cache of this machine, and downloads are not allowed |
      | why        | /; hf download org/repo q4/m\.gguf, or set supervisor\.allow_downloads: true$/ |
    And code/r0 shows:
      | why | /; curl -L --create-dirs -o \S+/\.cache/poolctl/models/url/\S+/m\.gguf '.*/m\.gguf\?\*\*\*'/ |
    And there is no event "model.failed"
    And it was asked 0 times
    And nothing that poolctl wrote or printed holds "plant-01"

  @OC-POOL-3001
  Scenario: It is fetched over a bad line, once for two replicas, and told on the way
    Given the supervisor setting "allow_downloads: true"
    And it has the model "/org/repo/resolve/main/m.gguf", and stops after 20000 bytes
    And the pools:
      """
      chat: { model: "hf:org/repo/m.gguf", device_masks: [cpu, cpu], model_digest: "{digest of the model}" }
      """
    And poolctl is up
    And chat/r0 comes to show:
      | why | /^fetches m\.gguf: \d+ %, / |
    And chat/r1 comes to show:
      | why | /^fetches m\.gguf: \d+ %, / |
    When it has the model "/org/repo/resolve/main/m.gguf", and cuts off whoever waits
    Then chat/r0 becomes ready
    And chat/r1 becomes ready
    And the model at ".cache/poolctl/models/hf/org/repo/m.gguf" is whole, and alone there
    And the command line of chat/r0 holds "--model {dir}/.cache/poolctl/models/hf/org/repo/m.gguf"
    And it was asked 2 times
    And it was asked last for the rest from byte 20000
    And there is an event "model.staging" with:
      | pool_id | chat                                              |
      | level   | warn                                              |
      | detail  | /^fetches m\.gguf: \d+ %, .*the connection was cut; tried again in 1s$/ |
    And there is an event "model.staged" with:
      | pool_id | chat     |
      | result  | verified |
    And chat/r0 shows:
      | crash_count | 0 |

  Scenario: How far it is stands in the status; a stop ends it, and a start goes on where it was
    Given the supervisor setting "allow_downloads: true"
    And it has the model "/m.gguf", and stops after 20000 bytes
    And the pools:
      """
      chat: { model: "{files}/m.gguf" }
      """
    And poolctl is up
    Then chat/r0 comes to show:
      | state | preparing                      |
      | why   | /^fetches m\.gguf: \d+ %, / |
    When I run `poolctl stop chat`
    Then it exits with 0
    And nobody fetches from it any more
    Given it has the model "/m.gguf"
    When I run `poolctl start chat`
    Then it exits with 0
    And it was asked last for the rest from byte 20000

  Scenario: A supervisor that is killed on the way leaves what it has to the next one
    Given the supervisor setting "allow_downloads: true"
    And it has the model "/org/repo/resolve/main/m.gguf", and stops after 30000 bytes
    And the pools:
      """
      chat: { model: "hf:org/repo/m.gguf" }
      """
    And poolctl is up
    And chat/r0 comes to show:
      | why | /^fetches m\.gguf/ |
    And poolctl has written down what is and dies of SIGKILL
    And it has the model "/org/repo/resolve/main/m.gguf"
    And poolctl is up
    When chat/r0 becomes ready
    Then the model at ".cache/poolctl/models/hf/org/repo/m.gguf" is whole, and alone there

  Scenario Outline: A server that does not give it: <status>
    Given the supervisor setting "allow_downloads: true"
    And it answers <status> for "/org/repo/resolve/main/m.gguf"
    And the pools:
      """
      chat: { model: "hf:org/repo/m.gguf" }
      """
    And poolctl is up
    When chat/r0 becomes <state>
    Then chat/r0 shows:
      | last_error | /^cannot fetch "m\.gguf" from 127\.0\.0\.1:\d+: .*HTTP <status>/ |
      | why        | /<hint>/ |

    Examples:
      | status | state  | hint                        |
      | 401    | failed | export HF_TOKEN=            |
      | 404    | failed | correct "model"             |

  Scenario: What has another digest is not kept, and no engine starts with it
    Given the supervisor setting "allow_downloads: true"
    And it has the model "/m.gguf"
    And the pools:
      """
      chat: { model: "{files}/m.gguf", model_digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000" }
      """
    And poolctl is up
    When chat/r0 becomes failed
    Then chat/r0 shows:
      | last_error | /its digest is {digest of the model}, and model_digest says sha256:0{64}$/ |
    And there is an event "model.failed" with:
      | pool_id | chat  |
      | level   | error |

  @OC-CTRL-2003
  Scenario: A reload waits until its model is there, and disturbs nobody meanwhile
    Given the supervisor setting "allow_downloads: true"
    And the model "a.gguf"
    And it has the model "/b.gguf", and stops after 20000 bytes
    And the pools:
      """
      chat: { model: a.gguf, reload: { min_healthy: 100ms } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the pool "chat" is told to change to "{files}/b.gguf"
    Then its reload comes to show in its first step "/^fetches b\.gguf: \d+ %, /"
    And chat/r0 is ready
    And chat/r0 still runs in its first process
    When it goes on
    Then chat/r0 becomes ready
    And chat/r0 runs in a new process
    And chat/r0 shows:
      | model_ref | {files}/b.gguf |

  Scenario: What would be fetched, plan and check say, and fetch nothing
    Given the model lies at ".cache/llama.cpp/org_other_n.gguf"
    And the supervisor setting "allow_downloads: true"
    And the pools:
      """
      chat: { model: "hf:org/repo/m.gguf" }
      code: { model: "hf:org/other/n.gguf" }
      """
    When I run `poolctl check`
    Then it exits with 0
    And it says "chat: its model is to be fetched from {files}/org/repo/resolve/main/m.gguf to {dir}/.cache/poolctl/models/hf/org/repo/m.gguf"
    And it says "code: its model is {dir}/.cache/llama.cpp/org_other_n.gguf, in the cache of llama.cpp"
    When I run `poolctl plan`
    Then it exits with 0
    And it says "to be fetched from {files}/org/repo/resolve/main/m.gguf to {dir}/.cache/poolctl/models/hf/org/repo/m.gguf"
    And it says "{dir}/.cache/llama.cpp/org_other_n.gguf, in the cache of llama.cpp"
    And it was asked 0 times
    And nothing was started
