Feature: From a line in pools.yaml to an engine that serves
  An engine is called ready when it is: its model is there, nothing stands in its way, its process runs, and it has answered a
  health check itself. Until then the pool says what it waits for, or why it cannot be.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 250ms }
      restart: { backoff: { initial: 100ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3001 @ORCH-3002
  Scenario: An engine that answers 503 is loading, and becomes ready when it answers 200
    Given the pools:
      """
      chat: { args: [--load-time, 20ms, --order, unhealthy] }
      """
    And poolctl is up
    When chat/r0 becomes starting
    Then chat/r0 comes to show:
      | why | /^HTTP 503, .* of at most 2m/ |
    And chat/r0 shows:
      | state             | starting |
      | goal              | up       |
      | live              | true     |
      | ready             | false    |
      | url               | null     |
      | engine_version    | null     |
      | slots_total       | null     |
      | slots_free        | 0        |
      | last_heartbeat_ms | null     |
    And chat/r0 has no handoff file
    When the engine of chat/r0 is told to "healthy"
    Then chat/r0 becomes ready
    And chat/r0 shows:
      | live              | true                     |
      | ready             | true                     |
      | why               | null                     |
      | url               | http://127.0.0.1:{port}  |
      | engine_version    | demo-1                   |
      | slots_total       | 4                        |
      | slots_free        | 4                        |
      | last_heartbeat_ms | a time of today          |
      | last_error        | null                     |
      | crash_count       | 0                        |
      | restart_count     | 0                        |
    And there is no event "probe.failed"
    And chat/r0 has gone through "starting, ready"

  @OC-POOL-3001
  Scenario: The handoff file tells whoever comes by where the engine is
    Given the model "tiny.gguf"
    And the pools:
      """
      chat: { model: tiny.gguf, slots: 2, args: [--load-time, 20ms, --ctx-size, "512"] }
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the handoff file of chat/r0 is:
      """
      {
        "pool_id": "chat",
        "replica_id": "r0",
        "engine": "demo",
        "engine_version": "demo-1",
        "url": "http://127.0.0.1:{port}",
        "pid": "a pid",
        "device_mask": "cpu",
        "model": { "id": "tiny", "ref": "{dir}/tiny.gguf", "path": "{dir}/tiny.gguf" },
        "flags": ["a text", "--model", "{dir}/tiny.gguf", "--host", "127.0.0.1", "--port", "{port}", "--alias", "tiny",
                  "--slots", "2", "--load-time", "20ms", "--ctx-size", "512"],
        "slots_total": 2,
        "slots_free": 2,
        "ready_at": "a time"
      }
      """
    And the pid file of chat/r0 names its process

  Scenario: A model goes by the name that its file gives it, and its engine goes on when the file is gone
    Given the model "m.gguf" that calls itself "Qwen3 8B"
    And the model "odd.gguf" that calls itself "one,two"
    And the pools:
      """
      chat: { model: m.gguf }
      mine: { model: m.gguf, model_id: mine }
      odd: { model: odd.gguf }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And mine/r0 becomes ready
    And odd/r0 becomes ready
    Then the command line of chat/r0 holds "--alias Qwen3 8B"
    And the command line of mine/r0 holds "--alias mine"
    And the command line of odd/r0 holds "--alias odd"
    And the pool "chat" shows:
      | model_id  | Qwen3 8B     |
      | model_ref | {dir}/m.gguf |
    And the handoff file of chat/r0 has:
      | model.id | Qwen3 8B |
    When I run `poolctl check --no-host`
    Then it exits with 0
    When poolctl has written down what is and dies of SIGKILL
    And the file "m.gguf" is removed
    And poolctl is up
    Then chat/r0 becomes ready, told with:
      | because | adopted |
    And chat/r0 still runs in its first process
    And mine/r0 still runs in its first process

  @OC-POOL-3001
  Scenario Outline: What is never healthy is killed at its deadline, and that is a crash: <what>
    Given the program "mute":
      """
      #!{node}
      require('node:net').createServer((socket) => {
        socket.on('error', () => {});
        socket.end('220 mail.example.org ready\r\n');
      }).listen(Number(process.argv[2]), '127.0.0.1');
      """
    And the pools:
      """
      chat: { <pool>, health: { startup_deadline: 400ms }, restart: { backoff: { initial: 5m, max: 5m } } }
      """
    And poolctl is up
    When chat/r0 becomes backoff
    Then chat/r0 has never been ready
    And the engine of chat/r0 is gone
    And chat/r0 has no pid file
    And chat/r0 has no handoff file
    And chat/r0 shows:
      | live                | false                                                                                           |
      | ready               | false                                                                                           |
      | last_exit.class     | hang                                                                                            |
      | last_exit.signal    | SIGKILL                                                                                         |
      | crash_count         | 1                                                                                               |
      | backoff.attempt     | 1                                                                                               |
      | last_error          | /^health check failed: not healthy after .*s \(.+\); raise health\.startup_deadline if it needs/ |
      | why                 | /^health check failed: .*; try 2 in 5m/                                                         |
    And there is an event "replica.crashed" with:
      | crash_class | hang  |
      | incarnation | 1     |
      | crash_count | 1     |

    Examples:
      | what                    | pool                                                         |
      | it opens no port        | engine: command, command: [sleep, "600"], args: []           |
      | it says 503 for ever    | args: [--order, unhealthy]                                   |
      | it accepts and is mute  | args: [--order, hang]                                        |
      | it is deaf to SIGTERM   | args: [--order, ignore-term, --order, unhealthy]             |
      | it does not speak HTTP  | engine: command, command: ["{dir}/mute", "${PORT}"], args: [] |

  @OC-POOL-3001
  Scenario: Old servers that speak HTTP/1.0 are healthy too
    Given the program "old-server":
      """
      #!{node}
      require('node:net').createServer((socket) => {
        socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nfine\n'));
        socket.on('error', () => {});
      }).listen(Number(process.argv[2]), '127.0.0.1');
      """
    And the pools:
      """
      old: { engine: command, command: ["{dir}/old-server", "${PORT}"], args: [] }
      """
    And poolctl is up
    Then old/r0 becomes ready
    And the heart of old/r0 beats on
    And old/r0 shows:
      | slots_total    | 1    |
      | engine_version | null |

  @OC-POOL-3001
  Scenario: A program without HTTP is ready when it has lived for a while
    Given the pools:
      """
      work: { engine: command, command: [sleep, "600"], args: [], health: { path: none, min_uptime: 200ms } }
      dies: { engine: command, command: ["false"], args: [], health: { path: none, min_uptime: 5m }, restart: { policy: never } }
      """
    And poolctl is up
    Then work/r0 becomes ready
    And work/r0 shows:
      | last_heartbeat_ms | null  |
      | ready             | true  |
    And dies/r0 becomes failed
    And dies/r0 has never been ready

  @OC-POOL-3001
  Scenario: The pid file is there before the engine is asked for the first time
    Given the program "witness":
      """
      #!{node}
      const { existsSync } = require('node:fs');
      const [port, pidFile] = process.argv.slice(2);
      let asked = 0;
      require('node:http').createServer((_, response) => {
        if (asked++ === 0) console.log(existsSync(pidFile) ? 'the pid file is there' : 'no pid file yet');
        response.end();
      }).listen(Number(port), '127.0.0.1');
      """
    And the pools:
      """
      seen: { engine: command, command: ["{dir}/witness", "${PORT}", "${STATE_DIR}/run/seen.r0.pid"], args: [] }
      """
    And poolctl is up
    When seen/r0 becomes ready
    Then the log of seen/r0 comes to hold "the pid file is there"

  @OC-POOL-3001
  Scenario: What an engine says on either stream is appended to one log, under a line for each of its lives
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "print?text=to%20stderr"
    And the engine of chat/r0 is told to "print?text=to%20stdout&stdout"
    Then the log of chat/r0 comes to hold "to stdout"
    When the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes ready
    And the engine of chat/r0 is told to "print?text=the%20second%20life"
    Then the log of chat/r0 comes to hold "the second life"
    And the log of chat/r0 reads:
      """
      --- poolctl: chat/r0 incarnation 1 \d{4}-\d\d-\d\dT\S+
      to stderr
      to stdout
      --- poolctl: chat/r0 incarnation 2 \d{4}-\d\d-\d\dT\S+
      the second life
      """

  @OC-POOL-3001
  Scenario: Arguments reach the engine whole and in their order
    Given the pools:
      """
      show:
        engine: command
        command: [sh, -c, 'printf "<%s>" "$@"; exec sleep 600', "a b", "${POOL_ID}"]
        args: ["", "--flag=${PORT}", "$HOME", "*", "$${PORT}", "ü"]
        health: { path: none, min_uptime: 50ms }
      work:
        engine: command
        command: [sleep, "600", "601"]
        args: ["602", "600"]
        health: { path: none, min_uptime: 50ms }
      """
    And poolctl is up
    When work/r0 becomes ready
    Then the command line of work/r0 ends with:
      | 600 |
      | 601 |
      | 602 |
      | 600 |
    And the log of show/r0 comes to hold "<show><><--flag={port}><$HOME><*><${PORT}><ü>"

  @OC-POOL-3002 @ORCH-3003
  Scenario Outline: What waiting cannot mend fails at once, and says what to do: <what>
    Given the directory "folder"
    And the file "words.gguf":
      """
      these are not weights
      """
    And the file "short.gguf" with the bytes 474755
    And the file "first.gguf" with the bytes 4747554601000000
    And the file "text":
      """
      no program
      """
    And the model "tiny.gguf"
    And the pools:
      """
      chat: { <pool> }
      fine: {}
      """
    And poolctl is up
    When chat/r0 becomes failed
    Then chat/r0 shows:
      | goal            | up     |
      | live            | false  |
      | last_error      | <why>  |
      | why             | <do>   |
      | crash_count     | 0      |
      | restart_count   | 0      |
      | backoff         | null   |
      | incarnation     | 0      |
    And chat/r0 has gone through "failed"
    And fine/r0 becomes ready
    When I run `poolctl status`
    Then it exits with 3
    And it says "chat/r0"

    Examples:
      | what                       | pool                                                     | why                                                                   | do                                                |
      | no model                   | model: nowhere.gguf                                      | /^cannot use the model "\S+\/nowhere\.gguf": there is no such file/   | /; look into \S+, or correct "model"$/            |
      | no GGUF                    | model: words.gguf                                        | /words\.gguf": it is no GGUF file/                                    | /; look into \S+, or correct "model"$/            |
      | eight bytes are missing    | model: short.gguf                                        | /short\.gguf": it has only 3 bytes/                                   | /; look into \S+, or correct "model"$/            |
      | a format of long ago       | model: first.gguf                                        | /first\.gguf": it is a GGUF file of version 1/                        | /; look into \S+, or correct "model"$/            |
      | a part of it is missing    | model: big-00001-of-00002.gguf                           | /cannot use the model/                                                | /; look into \S+, or correct "model"$/            |
      | another digest             | model: tiny.gguf, model_digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000" | /its digest is sha256:[0-9a-f]{64}, and model_digest says sha256:0+$/ | /; fetch the file anew, or correct model_digest$/ |
      | a directory for llama.cpp  | engine: llamacpp, binary: sleep, args: [], model: folder | /folder": it is a directory, and llama\.cpp wants a \.gguf file/      | /; look into \S+, or correct "model"$/            |
      | a directory without config | engine: vllm, binary: sleep, args: [], model: ./folder   | /a model directory has a config\.json/                                | /; look into \S+, or correct "model"$/            |
      | no program of that name    | engine: command, command: [no-such-program], args: []    | /^cannot run "no-such-program": it is not on PATH$/                   | /; install it, or name it by its path$/           |
      | no program at that path    | engine: command, command: ["{dir}/nowhere"], args: []    | /^cannot run "\S+\/nowhere": there is no such file/                   | /^cannot /                                        |
      | no program at all          | engine: command, command: ["{dir}/text"], args: []       | /^cannot run "\S+\/text": /                                           | /^cannot /                                        |
      | a directory as the program | engine: command, command: ["{dir}/folder"], args: []     | /^cannot run "\S+\/folder": it is a directory/                        | /^cannot /                                        |
      | no such directory          | workdir: nowhere                                         | /^cannot start in "\S+\/nowhere": there is no such/                   | /^cannot /                                        |
      | a file as the directory    | workdir: text                                            | /^cannot start in "\S+\/text": it is not a directory/                 | /^cannot /                                        |

  @OC-POOL-3002
  Scenario: What has failed for good starts again when somebody has mended it and says so
    Given the pools:
      """
      chat: { model: tiny.gguf }
      """
    And poolctl is up
    And chat/r0 becomes failed
    When the model "tiny.gguf"
    And I run `poolctl start chat`
    Then it exits with 0
    And chat/r0 is ready
    And chat/r0 shows:
      | last_error    | null |
      | restart_count | 0    |

  @OC-POOL-3002 @OC-POOL-3003 @ORCH-3003
  Scenario: A port that somebody holds is waited for, its holder is named, and the engine starts by itself when it is free
    Given somebody else listens on port {port}
    And the pools:
      """
      chat: { port: {port} }
      """
    And poolctl is up
    When chat/r0 becomes backoff, told with:
      | attempt       | 1         |
      | crash_reason  | preflight |
      | backoff_ms    | 100       |
      | crash_count   | 0         |
      | reason        | /^cannot listen on 127\.0\.0\.1:{port}: the port is held by pid {pid} \(.+\)$/ |
    And chat/r0 becomes backoff, told with:
      | attempt       | 2         |
      | backoff_ms    | 200       |
    Then chat/r0 comes to show:
      | state           | backoff                                     |
      | last_error      | /the port is held by pid {pid} \(/          |
      | why             | /held by pid {pid} \(.*; try \d+ in /       |
      | goal            | up                                          |
      | live            | false                                       |
      | crash_count     | 0                                           |
      | restart_count   | 0                                           |
    And chat/r0 has never been starting
    When the port is free again
    Then chat/r0 becomes ready
    And chat/r0 shows:
      | port          | {port} |
      | last_error    | null   |
      | incarnation   | 1      |
      | restart_count | 0      |
      | crash_count   | 0      |

  Scenario: A port that nobody has asked for by number is passed over when it is taken
    Given somebody else listens on port {port}
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then chat/r0 shows:
      | port | {port+1} |
    And chat/r0 has gone through "starting, ready"

  @OC-POOL-3002
  Scenario: A port that a replica has had stays its own, since clients know it
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I run `poolctl stop chat`
    And somebody else takes the port of chat/r0
    And I run `poolctl start chat --no-wait`
    Then chat/r0 becomes backoff with the reason "/the port is held by pid {pid}/"
    When the port is free again
    Then chat/r0 becomes ready
    And chat/r0 shows:
      | port | {port} |

  @OC-POOL-3001
  Scenario: Somebody else's healthy answer makes no engine ready
    Given the pools:
      """
      mute:
        engine: command
        command: [sleep, "600"]
        args: []
        health: { startup_deadline: 3s }
        restart: { policy: never }
      """
    And poolctl is up
    And mute/r0 becomes starting
    When somebody else takes the port of mute/r0
    Then there is an event "probe.failed" with:
      | pool_id | mute                                                                    |
      | reason  | /^pid {pid} \(.+\) answers on port {port}, not this engine$/            |
    And mute/r0 becomes failed
    And mute/r0 has never been ready
    And mute/r0 shows:
      | last_error | /health check failed: .*pid {pid} \(.+\) answers on port {port}, not this engine/ |

  Scenario: Where the answering process cannot be told, the proof may be switched off
    Given the pools:
      """
      proxy: { engine: command, command: [sleep, "600"], args: [], health: { listener: off } }
      """
    And poolctl is up
    And proxy/r0 becomes starting
    When somebody else takes the port of proxy/r0
    Then proxy/r0 becomes ready

  @OC-POOL-3002 @ORCH-3003
  Scenario: A machine without the memory that a pool needs is waited for
    Given the pools:
      """
      big: { host_memory: 900000GiB }
      """
    And poolctl is up
    When big/r0 becomes backoff with the reason "/^cannot load big: it needs 900000\.0 GiB of memory, and \d+(\.\d)? [GM]iB are available; most is held by pid \d+ \(.+\) with [\d.]+ [GM]iB$/"
    Then big/r0 has never been starting
    And big/r0 shows:
      | crash_count | 0                                                    |
      | why         | /; free memory, or lower "host_memory"; try \d+ in / |

  @OC-POOL-3001
  Scenario: So many engines load at once, and the others say behind whom they wait
    Given the supervisor setting "loads: { total: 1 }"
    And the pools:
      """
      big: { args: [--load-time, 20ms, --order, unhealthy] }
      small: {}
      """
    And poolctl is up
    When big/r0 becomes starting
    Then small/r0 is preparing
    And small/r0 shows:
      | live  | false                                                                  |
      | why   | waits to load behind big/r0 (supervisor.loads.total is 1)              |
    When the engine of big/r0 is told to "healthy"
    Then small/r0 becomes ready

  @OC-POOL-3001
  Scenario: One engine at a time loads on a device; other devices are free for others
    Given a machine with 2 GPUs
    And the pools:
      """
      big: { device_masks: [0], share: true, args: [--load-time, 20ms, --order, unhealthy] }
      next: { device_masks: [0], share: true }
      else: { device_masks: [1] }
      """
    And poolctl is up
    When big/r0 becomes starting
    And else/r0 becomes ready
    Then next/r0 is preparing
    And next/r0 shows:
      | why | waits to load on GPU 0 behind big/r0 |
    When the engine of big/r0 is told to "healthy"
    Then next/r0 becomes ready

  @OC-POOL-3001
  Scenario Outline: An engine of several processes is ready when its API is: <engine>
    Given the environment:
      | FAKE_VERSION | 9.8.7 |
    And the pools:
      """
      big: { engine: <engine>, binary: "{rig}/fake-<engine>.mjs", model: org/repo, args: [] }
      """
    And poolctl is up
    When big/r0 becomes ready
    Then big/r0 shows:
      | engine_version | 9.8.7 |
      | slots_total    | 32    |
      | crash_count    | 0     |
    When I run `poolctl stop big`
    Then it exits with 0
    And big/r0 is stopped
    And the engine of big/r0 is gone

    Examples:
      | engine |
      | vllm   |
      | sglang |

  Scenario: Replicas of one pool that run different versions are told of
    Given the program "vllm":
      """
      #!/bin/sh
      FAKE_VERSION=1.$POOLCTL_REPLICA_ID FAKE_LOAD_MS=20 exec {node} {rig}/fake-vllm.mjs "$@"
      """
    And the pools:
      """
      big: { engine: vllm, binary: "{dir}/vllm", model: org/repo, args: [], device_masks: [cpu, cpu] }
      """
    And poolctl is up
    Then there is an event "engine_version.mixed" with:
      | pool_id | big  |
      | level   | warn |

  Scenario: Pools that are not named, and those that do not start by themselves, stay stopped
    Given the pools:
      """
      chat: {}
      code: {}
      late: { autostart: false }
      """
    And poolctl is up with "chat late"
    When chat/r0 becomes ready
    And late/r0 becomes ready
    Then code/r0 is stopped
    And code/r0 shows:
      | goal | down |
    When I run `poolctl status`
    Then it exits with 0
    When I run `poolctl start code`
    Then code/r0 is ready
