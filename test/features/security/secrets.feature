Feature: What is secret is not told
  Keys and tokens are given to engines in many ways, and engines print what they were given. Their own logs are their own; nothing
  that poolctl itself says, answers or writes shows one.

  Background:
    Given the program "leaky.mjs":
      """
      #!{node}
      import { createServer } from 'node:http';
      const args = process.argv.slice(2);
      console.error('arguments: ' + args.join(' '));
      console.error(JSON.stringify(args));
      for (const [name, value] of Object.entries(process.env)) console.error(name + '=' + value);
      console.error(JSON.stringify(process.env));
      const all = [...args, ...Object.values(process.env)].filter((text) => text.includes('plant-'));
      console.error('CUDA error: out of memory, it seems, with ' + all.join(' and '));
      if (args[0] === 'serve') {
        createServer((request, response) => {
          response.statusCode = request.url === '/never' ? 503 : 200;
          response.end('{"status":"ok"}');
          if (request.url === '/die') process.exit(3);
        }).listen(Number(args[1]), '127.0.0.1');
      } else {
        console.error('giving up: ' + all.join(' and '));
        process.exitCode = 3;
      }
      """
    And the environment:
      | HIDDEN_SOURCE | plant-01-from-an-innocent-name |
      | POOLCTL_TOKEN | plant-02-of-the-api            |
      | HF_TOKEN      | plant-03-of-the-supervisor     |
    And the file "token":
      """
      plant-04-in-the-token-file
      """
    And the supervisor setting "token_file: {dir}/token"
    And the defaults:
      """
      engine: command
      device_masks: [cpu]
      restart: { policy: never }
      env:
        OPENAI_API_KEY: plant-05-under-a-telling-name
        INNOCENT: { from_env: HIDDEN_SOURCE }
        DATABASE: "postgres://me:plant-06-in-a-url@db.example/x"
      """

  Scenario: Wherever it is given, and whatever the engine prints of it, it is seen nowhere but in the engine's log
    Given the pools:
      """
      serving: { command: ["{dir}/leaky.mjs", serve, "${PORT}", --api-key, plant-07-behind-a-flag, --token=plant-08-in-a-flag] }
      model:
        model: "https://me:plant-09-before-the-host@models.example/x.gguf?token=plant-10-behind-the-path"
        command: ["{dir}/leaky.mjs", serve, "${PORT}", --model, "${MODEL}"]
      dying: { command: [sh, -c, "exec {dir}/leaky.mjs die --hf-token plant-11-in-a-script --header 'Authorization: Bearer plant-12-in-a-header'"] }
      absent: { command: [/nowhere/engine, --api-key, plant-13-of-one-that-never-ran] }
      """
    And poolctl is up
    And serving/r0 becomes ready
    And model/r0 becomes ready
    And dying/r0 becomes failed
    And absent/r0 becomes failed
    And the log of serving/r0 comes to hold "plant-01"
    And the log of serving/r0 comes to hold "plant-03"
    And the log of serving/r0 comes to hold "plant-05"
    And the log of serving/r0 comes to hold "plant-06"
    And the log of serving/r0 comes to hold "plant-08"
    And the log of model/r0 comes to hold "plant-09"
    And the log of model/r0 comes to hold "plant-10"
    And the log of dying/r0 comes to hold "plant-11"
    And the log of dying/r0 comes to hold "plant-12"
    But the environment of serving/r0 lacks "POOLCTL_TOKEN"
    When the engine of serving/r0 is asked for "/die"
    Then serving/r0 becomes failed
    And there is an event "replica.crashed" with:
      | pool_id    | serving                                  |
      | last_error | /^exited with code 3 after .*\*\*\* and / |
    And dying/r0 shows:
      | last_exit.class         | vram_oom                                       |
      | last_exit.evidence.text | /^CUDA error: out of memory, it seems, with .*\*\*\*/ |
    And model/r0 shows:
      | model_ref | https://***@models.example/x.gguf?*** |
      | model_id  | x                                     |
    When poolctl is asked everything
    Then "plant-" stands nowhere but in the logs of engines

  Scenario: A terminal shows none while engines load, fail and die
    Given the pools:
      """
      serving: { command: ["{dir}/leaky.mjs", serve, "${PORT}", --api-key, plant-07-behind-a-flag], health: { path: /never, startup_interval: 50ms } }
      dying: { command: ["{dir}/leaky.mjs", die, --token=plant-08-in-a-flag] }
      """
    When poolctl is up on a terminal until it shows:
      | dying/r0 failed                  |
      | serving/r0 +starting +\d+s .*\*\* |
    Then "plant-" stands nowhere but in the logs of engines

  Scenario Outline: A secret in the wrong place of pools.yaml is not quoted: <what>
    Given the pools:
      """
      chat: { command: ["{dir}/leaky.mjs"], <what> }
      """
    When I run `poolctl check`
    Then it exits with 4
    And it does not say "plant-"
    When I run `poolctl check --json`
    Then it exits with 4
    And it does not say "plant-"
    When I run `poolctl up`
    Then it exits with 4
    And it does not say "plant-"

    Examples:
      | what                                              |
      | api_key: plant-20                                 |
      | HF_TOKEN: plant-20                                |
      | env: { TOKEN: [plant-20] }                        |
      | env: { TOKEN:plant-20 }                           |
      | args: "--api-key plant-20"                        |
      | modle: "https://me:plant-20@host/x"               |
      | model: "ftp://me:plant-20@host/x.gguf"            |
      | model: "http://me:plant-20@models.example/x.gguf" |

  Scenario: Before anything runs, the plan, the check and the devices show none
    Given the pools:
      """
      chat: { command: ["{dir}/leaky.mjs", serve, "${PORT}", --api-key, plant-07-behind-a-flag, --url, "https://me:plant-09@host/"] }
      """
    When poolctl is asked everything
    Then "plant-" stands nowhere but in the logs of engines
    When I run `poolctl plan --json`
    Then it prints JSON with:
      | replicas[0].argv[4] | ***               |
      | replicas[0].argv[6] | https://***@host/ |
      | replicas[0].env.OPENAI_API_KEY | ***    |
      | replicas[0].env.INNOCENT       | ***    |
      | replicas[0].env.DATABASE       | postgres://***@db.example/x |

  Scenario: A log that is given to diagnose is its owner's, and what it names as a secret is not told on
    Given the file "engine.log":
      """
      loading
      CUDA error: out of memory with --api-key plant-30 HF_TOKEN=plant-31 {'api_key': 'plant-32'} https://me:plant-33@models.example/x
      """
    When I run `poolctl diagnose {dir}/engine.log`
    Then it exits with 0
    And it says "line 2: CUDA error: out of memory with --api-key *** HF_TOKEN=*** "
    And it does not say "plant-"
    When I run `poolctl diagnose {dir}/engine.log --json`
    Then it exits with 0
    And it does not say "plant-"
