Feature: Handoff files
  Whoever sends requests needs no API for it: a file for each replica that serves says where. It appears whole, when its engine answers
  and not before; and it goes first, before anything is done to the engine.

  Background:
    Given it listens on TCP
    And the token "baton" in the file "token"
    And the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 100ms, --order, "obey-term?delay=2s"]
      health: { startup_interval: 50ms, interval: 50ms, failure_threshold: 2, restart_after: never }
      stop: { grace: 20s }
      restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 } }
      """

  @ORCH-3002
  Scenario: It appears whole when its engine serves, and not before
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      later: { autostart: false }
      """
    And poolctl is up
    And an orchestrator before poolctl, with the token "baton"
    Then an adapter may send requests to "chat/r0, chat/r1"
    And the handoff file of chat/r0 has:
      | pool_id        | chat                    |
      | replica_id     | r0                      |
      | engine         | demo                    |
      | engine_version | demo-1                  |
      | url            | http://127.0.0.1:{port} |
      | pid            | a pid                   |
      | device_mask    | cpu                     |
      | model.id       | null                    |
      | model.ref      | null                    |
      | model.path     | null                    |
      | slots_total    | 4                       |
      | slots_free     | 4                       |
      | ready_at       | a time                  |
    When I POST "/v2/pools/later/start" with "{}"
    Then an adapter sees the handoff file of later/r0 come whole, with:
      | pool_id | later |
      | pid     | a pid |
    And an adapter has never seen half a file

  @OC-POOL-3010 @OC-CTRL-2002
  Scenario Outline: It goes while its engine still lives, before a <verb>
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And an orchestrator before poolctl, with the token "baton"
    And an adapter may send requests to "chat/r0"
    When I POST "/v2/pools/chat/<verb>" with "{}"
    Then an adapter sees the handoff file of chat/r0 go while its engine lives
    And chat/r0 becomes <end>
    And an adapter has never seen half a file

    Examples:
      | verb    | end     |
      | stop    | stopped |
      | drain   | stopped |
      | restart | ready   |

  @OC-POOL-3010
  Scenario: It goes as long as an engine is unhealthy, and comes back with its health
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And an orchestrator before poolctl, with the token "baton"
    And an adapter may send requests to "chat/r0"
    When the engine of chat/r0 is told to "unhealthy"
    Then an adapter sees the handoff file of chat/r0 go while its engine lives
    And an adapter may send requests to ""
    When the engine of chat/r0 is told to "healthy"
    Then an adapter sees the handoff file of chat/r0 come whole, with:
      | url | http://127.0.0.1:{port} |

  Scenario: One that dies takes it along, and its successor brings another
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And an orchestrator before poolctl, with the token "baton"
    And an adapter may send requests to "chat/r0"
    When the engine of chat/r0 gets SIGKILL
    Then an adapter sees the handoff file of chat/r0 go
    And an adapter sees the handoff file of chat/r0 come whole, with:
      | url | http://127.0.0.1:{port} |
    And chat/r0 becomes ready
    And chat/r0 runs in a new process

  Scenario: At the end none is left
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    And an orchestrator before poolctl, with the token "baton"
    And an adapter may send requests to "chat/r0, chat/r1"
    When poolctl is told to end by SIGTERM
    Then an adapter sees the handoff file of chat/r0 go while its engine lives
    And poolctl ends with 0
    And no process, pid file, handoff file or socket is left
