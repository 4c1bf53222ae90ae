Feature: An orchestrator before poolctl
  An orchestrator owns the pools towards its clients, and poolctl owns the engines. What it needs for that it has over TCP: leases around
  its requests, drains and reloads that it hands on, health, events without a gap. No request that was admitted is lost, unless a deadline
  says so.

  Background:
    Given it listens on TCP
    And the token "baton" in the file "token"
    And the program "engine.mjs":
      """
      #!{node}
      import { readFileSync } from 'node:fs';
      import { createServer } from 'node:http';
      const [port, model] = process.argv.slice(2);
      const name = readFileSync(model, 'utf8').trim();
      if (name === 'broken') process.exit(3);
      createServer((request, response) => {
        request.resume().on('end', () => {
          const body = JSON.stringify({ content: name });
          setTimeout(() => response.end(body), request.url === '/completion' ? 20 : 0);
        });
      }).listen(Number(port), '127.0.0.1');
      """
    And the file "a.bin":
      """
      a
      """
    And the file "b.bin":
      """
      b
      """
    And the file "broken.bin":
      """
      broken
      """
    And the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms, --slots, "2", --token-time, 10ms]
      health: { startup_interval: 50ms, interval: 50ms }
      reload: { min_healthy: 100ms }
      restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 } }
      """

  @OC-CTRL-2002
  Scenario: A drain is handed on with its deadline, and executed by it
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And an orchestrator before poolctl, with the token "baton"
    When ana asks "chat" for 1000000 tokens through the orchestrator
    Then the orchestrator sees that "chat" is:
      | active_leases | 1 |
      | slots_free    | 1 |
    When the orchestrator is told to drain "chat":
      """
      { "deadline_ms": 1200 }
      """
    Then the orchestrator is answered with 202 and:
      | kind          | drain   |
      | pool_id       | chat    |
      | state         | running |
      | active_leases | 1       |
    When ben asks "chat" for 1 tokens through the orchestrator
    Then ben is answered with 409 and:
      | error.code | POOL_DRAINING |
    And the orchestrator hears "drain.started" with:
      | pool_id       | chat |
      | active_leases | 1    |
    And the orchestrator hears "drain.finished", after "1190ms" to "20s"
    And ana is answered with 502 and:
      | replica_id | r0 |
    And the orchestrator sees that "chat" is:
      | live          | false |
      | ready         | false |
      | draining      | false |
      | active_leases | 0     |
    And chat/r0 becomes stopped

  @OC-CTRL-2002
  Scenario: A request that was admitted before a drain comes to its end
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And an orchestrator before poolctl, with the token "baton"
    When ana asks "chat" for 60 tokens through the orchestrator
    Then the orchestrator hears "lease.granted"
    When the orchestrator is told to drain "chat":
      """
      { "deadline_ms": 60000 }
      """
    Then the orchestrator is answered with 202 and:
      | active_leases | 1 |
    And ana is answered with 200 and:
      | replica_id | r0     |
      | content    | a text |
    And the orchestrator hears "drain.finished" with:
      | result | drained |
    And chat/r0 becomes stopped

  @OC-CTRL-2003
  Scenario: A reload changes the model of every replica, and no client is kept waiting by it
    Given the pools:
      """
      chat: { engine: command, args: [], device_masks: [cpu, cpu], slots: 4, model: "{dir}/a.bin", command: ["{dir}/engine.mjs", "${PORT}", "${MODEL}"] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And an orchestrator before poolctl, with the token "baton"
    When clients keep asking "chat" through the orchestrator
    And so many of them were answered by "a"
    And the orchestrator is told to reload "chat":
      """
      { "new_model_ref": "{dir}/b.bin", "drain_deadline_ms": 30000 }
      """
    Then the orchestrator is answered with 200 and:
      | kind    | reload    |
      | state   | succeeded |
      | outcome | reloaded  |
      | changed | true      |
    And the orchestrator hears "reload.started" with:
      | pool_id | chat |
    And the orchestrator hears "reload.finished" with:
      | pool_id | chat |
    And so many of them were answered by "b"
    And every one of them was answered, by "a, b"
    And the pool "chat" shows:
      | state                 | ready        |
      | model_ref             | {dir}/b.bin  |
      | replicas[0].model_ref | {dir}/b.bin  |
      | replicas[1].model_ref | {dir}/b.bin  |

  @OC-CTRL-2003
  Scenario: A reload whose model does not start is undone, and no client notices
    Given the pools:
      """
      chat: { engine: command, args: [], device_masks: [cpu, cpu], slots: 4, model: "{dir}/a.bin", command: ["{dir}/engine.mjs", "${PORT}", "${MODEL}"] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And an orchestrator before poolctl, with the token "baton"
    When clients keep asking "chat" through the orchestrator
    And the orchestrator is told to reload "chat":
      """
      { "new_model_ref": "{dir}/broken.bin" }
      """
    Then the orchestrator is answered with 502 and:
      | error.code        | RELOAD_FAILED |
      | operation.outcome | rolled_back   |
      | operation.kind    | reload        |
    And the orchestrator hears "reload.rolled_back"
    And every one of them was answered, by "a"
    And the pool "chat" shows:
      | state                 | ready       |
      | model_ref             | {dir}/a.bin |
      | override              | null        |
      | replicas[0].model_ref | {dir}/a.bin |
      | replicas[1].model_ref | {dir}/a.bin |
    When the orchestrator is told to reload "chat":
      """
      { "new_model_ref": "{dir}/nowhere.bin" }
      """
    Then the orchestrator is answered with 422 and:
      | error.code | MODEL_UNAVAILABLE |
    And chat/r1 still runs in its first process

  @OC-CTRL-2003
  Scenario: A reload for which a request does not end in time leaves all as it was
    Given the pools:
      """
      chat: { model: "{dir}/a.bin" }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And an orchestrator before poolctl, with the token "baton"
    When ana asks "chat" for 1000000 tokens through the orchestrator
    Then the orchestrator hears "lease.granted"
    When the orchestrator is told to reload "chat":
      """
      { "new_model_ref": "{dir}/b.bin", "drain_deadline_ms": 300 }
      """
    Then the orchestrator is answered with 409 and:
      | error.code        | DRAIN_TIMEOUT |
      | operation.outcome | drain_timeout |
    And chat/r0 still runs in its first process
    When ben asks "chat" for 2 tokens through the orchestrator
    Then ben is answered with 200 and:
      | replica_id | r0 |
    And the orchestrator sees that "chat" is:
      | ready         | true |
      | active_leases | 1    |

  Scenario: Events go on without a gap where the supervisor is killed and comes again
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And an orchestrator before poolctl, with the token "baton"
    When ana asks "chat" for 1000000 tokens through the orchestrator
    Then the orchestrator hears "lease.granted"
    When the journal holds all that the orchestrator heard
    And poolctl dies of SIGKILL
    And poolctl is up
    Then the orchestrator hears "supervisor.started"
    And the orchestrator hears "replica.adopted"
    And the orchestrator hears "replica.ready"
    When the orchestrator is told to drain "chat":
      """
      { "replica_id": "r1", "deadline_ms": 10000 }
      """
    Then the orchestrator is answered with 202 and:
      | kind | drain |
    And the orchestrator hears "drain.finished" with:
      | result | drained |
    And the orchestrator has heard everything that is in the journal once, in its order
