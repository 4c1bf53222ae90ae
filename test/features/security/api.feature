Feature: Who may use the API
  On the socket whoever may open it may do everything. On TCP, where others may come by, a token keeps them out, and no page that a browser
  shows gets in, neither by asking nor by a name of its own that points here.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms }
      """

  Scenario: On loopback, without a token, TCP answers as the socket does
    Given it listens on TCP
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I GET "/health" over TCP
    Then the answer is 200 and:
      """
      { "status": "ok", "version": "a text" }
      """
    When I GET "/v2/pools" over TCP
    Then the answer is 200 with:
      | supervisor.listen | 127.0.0.1:{port+9} |
      | pools[0].state    | ready              |
    And the header "X-Correlation-Id" of the answer is "a UUID"
    When I GET "/metrics" over TCP
    Then the answer is 200
    And the stream "/v2/events" over TCP comes to hold ": poolctl events"
    And the stream "/v2/pools/chat/replicas/r0/logs?follow=1" over TCP comes to hold "incarnation 1"
    When I POST "/v2/shutdown" over TCP
    Then the answer is 202
    And poolctl ends with 0

  Scenario: Without a listen there is nothing on TCP
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    When I GET "/v2/pools"
    Then the answer is 200 with:
      | supervisor.listen | null |

  Scenario: Where there is a token TCP needs it, on every route, and the socket does not
    Given it listens on TCP
    And the token "plant-of-the-first-days" in the file "token"
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I GET "/v2/pools" over TCP
    Then the answer is 401 with:
      | error.code      | UNAUTHORIZED                          |
      | error.message   | cannot use the API: no token was sent |
      | error.retriable | false                                 |
    And the header "WWW-Authenticate" of the answer is "Bearer"
    When I GET "/health" over TCP with the token "plant-of-the-first-day"
    Then the answer is 401 with:
      | error.code    | UNAUTHORIZED                           |
      | error.message | cannot use the API: the token is wrong |
    When I POST "/v2/shutdown" over TCP with the token "wrong"
    Then the answer is 401
    When I GET "/nowhere" over TCP
    Then the answer is 401
    When I GET "/v2/pools/chat" over TCP with the token "plant-of-the-first-days"
    Then the answer is 200 with:
      | ready | true |
    When I GET "/v2/pools/chat"
    Then the answer is 200
    When I run `poolctl status`
    Then it exits with 0
    And nothing that poolctl wrote or printed holds "plant-of"

  Scenario: Another token in the file counts at once; without a usable one nobody is let in
    Given it listens on TCP
    And the token "first" in the file "token"
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    When I GET "/health" over TCP with the token "first"
    Then the answer is 200
    When the token in the file "token" becomes "second"
    And I GET "/health" over TCP with the token "first"
    Then the answer is 401
    When I GET "/health" over TCP with the token "second"
    Then the answer is 200
    When the file "token" gets the mode 644
    And I GET "/health" over TCP with the token "second"
    Then the answer is 401 with:
      | error.why | its token_file cannot be used: others may read or write it (mode 0644, not 0600) |
    When the file "token" gets the mode 600
    And I GET "/health" over TCP with the token "second"
    Then the answer is 200
    When the file "token" is removed
    And I GET "/health" over TCP with the token "second"
    Then the answer is 401
    When I GET "/health"
    Then the answer is 200

  Scenario: An address that others can reach needs a token, and without one nothing begins
    Given the supervisor setting "listen: 0.0.0.0:{port+9}"
    And the pools:
      """
      chat: {}
      """
    When I run `poolctl check`
    Then it exits with 4
    When I run `poolctl up`
    Then it exits with 4
    And it says "supervisor.listen is 0.0.0.0:{port+9}, which others can reach, and there is no token  [INVALID_VALUE]"
    And nothing was started
    Given the environment:
      | POOLCTL_TOKEN | plant-in-the-environment |
    And poolctl is up
    And chat/r0 becomes ready
    When I GET "/v2/pools" over TCP
    Then the answer is 401
    When I GET "/v2/pools" over TCP with the token "plant-in-the-environment"
    Then the answer is 200 with:
      | supervisor.listen | 0.0.0.0:{port+9} |
    And the environment of chat/r0 lacks "POOLCTL_TOKEN"
    And nothing that poolctl wrote or printed holds "plant-in"

  Scenario: The environment opens no door that the file might not
    Given the pools:
      """
      chat: {}
      """
    And the environment:
      | POOLCTL_LISTEN | 0.0.0.0:{port+9} |
    When I run `poolctl up`
    Then it exits with 4
    And it says "$POOLCTL_LISTEN is 0.0.0.0:{port+9}, which others can reach, and there is no token  [INVALID_VALUE]"
    And nothing was started
    Given the environment:
      | POOLCTL_LISTEN | 127.0.0.1:{port+9} |
    And poolctl is up
    When I GET "/health" over TCP
    Then the answer is 200

  Scenario Outline: A token that is no secret is none: <fault>
    Given it listens on TCP
    And the token "<token>" in the file "token"
    And the file "token" gets the mode <mode>
    And the pools:
      """
      chat: {}
      """
    When I run `poolctl up`
    Then it exits with 4
    And it says 'cannot use token_file "{dir}/token": <fault>  [INVENTORY_INVALID]'
    And no engine was started

    Examples:
      | token     | mode | fault                                                 |
      | s3cret    | 644  | others may read or write it (mode 0644, not 0600)     |
      | s3cret    | 620  | others may read or write it (mode 0620, not 0600)     |
      |           | 600  | it must be one word of visible ASCII characters       |
      | two words | 600  | it must be one word of visible ASCII characters       |

  Scenario: A port that is taken keeps the supervisor from beginning, and it says by whom
    Given it listens on TCP
    And somebody else listens on port {port+9}
    And the pools:
      """
      chat: {}
      """
    When I run `poolctl up`
    Then it exits with 7
    And it says something like "cannot listen on 127\.0\.0\.1:\d+: the port is held by pid \d+ \(.+\)  \[LISTEN_FAILED\]"
    And no engine was started
    Given the port is free again
    And poolctl is up
    Then chat/r0 becomes ready

  Scenario: No page of another site gets in
    Given it listens on TCP
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I POST "/v2/shutdown" over TCP with the headers:
      | Origin | http://evil.example |
    Then the answer is 403 with:
      | error.code | FORBIDDEN_ORIGIN |
    And the answer has no header "Access-Control-Allow-Origin"
    When I OPTIONS "/v2/shutdown" over TCP with the headers:
      | Origin                        | http://evil.example |
      | Access-Control-Request-Method | POST                |
    Then the answer is 403
    And the answer has no header "Access-Control-Allow-Origin"
    When I GET "/v2/pools" over TCP with the headers:
      | Host | evil.example:{port+9} |
    Then the answer is 403 with:
      | error.code | FORBIDDEN_ORIGIN |
      | error.hint | ask at 127.0.0.1:{port+9}, or name that host in supervisor.listen |
    When I GET "/v2/pools" over TCP with the headers:
      | Host   | evil.example:{port+9}        |
      | Origin | http://evil.example:{port+9} |
    Then the answer is 403
    When I GET "/v2/pools" over TCP with the headers:
      | Host   | localhost:{port+9}        |
      | Origin | http://localhost:{port+9} |
    Then the answer is 200
    And chat/r0 is ready

  Scenario: The correlation id of a request stands in the events that it causes
    Given it listens on TCP
    And the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I POST "/v2/pools/chat/leases" over TCP with '{"holder":"ana"}', as "trace:lease"
    Then the answer is 201
    And the header "X-Correlation-Id" of the answer is "trace:lease"
    When I POST "/v2/pools/none/leases" over TCP with "{}", as "trace:none"
    Then the answer is 404
    And the header "X-Correlation-Id" of the answer is "trace:none"
    When I POST "/v2/pools/chat/drain" over TCP with '{"deadline_ms":0}', as "trace:drain"
    Then the answer is 202
    And chat/r0 becomes stopped
    And the events with the correlation id "trace:lease" are:
      | lease.granted |
    And the events with the correlation id "trace:drain" are:
      | operation.started  |
      | drain.started      |
      | replica.draining   |
      | replica.stopping   |
      | lease.lost         |
      | operation.step     |
      | drain.finished     |
      | operation.finished |

  Scenario: That of a reload too
    Given it listens on TCP
    And the file "a.bin":
      """
      a
      """
    And the file "b.bin":
      """
      b
      """
    And the pools:
      """
      chat: { model: "{dir}/a.bin", reload: { min_healthy: 50ms } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I POST "/v2/pools/chat/reload" over TCP with '{"new_model_ref":"{dir}/b.bin"}', as "trace:reload"
    Then the answer is 200 with:
      | outcome | reloaded |
    And the events with the correlation id "trace:reload" are:
      | operation.started  |
      | reload.started     |
      | operation.step     |
      | operation.step     |
      | reload.finished    |
      | operation.finished |
