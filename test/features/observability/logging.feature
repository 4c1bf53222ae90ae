Feature: What happens is told once, as data that reads like a sentence
  An event is a line of JSON where programs read and a sentence where people do; the journal keeps it. What engines print themselves
  goes to files of theirs, which are rotated while they write; the ends of failures stay, whatever is rotated.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms, interval: 250ms }
      restart: { backoff: { initial: 100ms, min: 0ms, jitter: 0 } }
      """

  @OC-POOL-3030
  Scenario: Every event of a life is a line of JSON with the fields that it has, and the journal has the same lines
    Given the supervisor setting "log: { level: debug }"
    And the pools:
      """
      chat: { restart: { breaker: { threshold: 2, open_for: 5m } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "unhealthy"
    And chat/r0 becomes unhealthy
    And the engine of chat/r0 is told to "healthy"
    And chat/r0 becomes ready
    And the engine of chat/r0 is told to "crash?code=3"
    And chat/r0 becomes backoff
    And chat/r0 becomes ready
    And the engine of chat/r0 gets SIGKILL
    And chat/r0 becomes broken
    And I run `poolctl reset chat`
    And chat/r0 becomes ready
    And I run `poolctl down`
    And poolctl ends with 0
    Then every line of stderr is an event with a sentence, and has only fields of the contract
    And these have been told with their fields:
      | event              | level | fields                                                                                                         |
      | supervisor.started | info  |                                                                                                                |
      | replica.preparing  | info  | pool_id replica_id engine device_mask model_id incarnation from to because                                     |
      | replica.starting   | info  | pool_id replica_id engine device_mask model_id incarnation from to pid port reason                             |
      | replica.ready      | info  | pool_id replica_id engine engine_version device_mask model_id incarnation from to pid uptime_seconds url       |
      | probe.failed       | warn  | pool_id replica_id engine incarnation pid result reason failure_count                                          |
      | replica.unhealthy  | warn  | pool_id replica_id engine device_mask model_id incarnation from to pid reason                                  |
      | replica.crashed    | error | pool_id replica_id engine engine_version incarnation exit_code signal crash_class uptime_seconds crash_count last_error last_lines |
      | replica.backoff    | warn  | pool_id replica_id incarnation from to attempt backoff_ms next_restart_at crash_reason crash_count restart_count reason |
      | breaker.changed    | error | pool_id replica_id breaker old_state new_state failure_count                                                   |
      | replica.broken     | error | pool_id replica_id from to failure_count backoff_ms next_restart_at reason hint                                |
      | operation.started  | info  | operation_id kind pool_id                                                                                      |
      | operation.step     | debug | operation_id kind pool_id replica_id detail result reason                                                      |
      | operation.finished | info  | operation_id kind pool_id result                                                                               |
      | replica.stopping   | info  | pool_id replica_id incarnation from to pid                                                                     |
      | replica.stopped    | info  | pool_id replica_id incarnation from to                                                                         |
      | supervisor.stopping | info | reason                                                                                                         |
      | supervisor.stopped | info  | uptime_seconds                                                                                                 |
    And the journal holds every line of stderr, and no other

  @OC-POOL-3030
  Scenario: Those who want less are told less, and the journal keeps all
    Given the supervisor setting "log: { level: error }"
    And the pools:
      """
      chat: {}
      nope: { engine: command, command: [/nowhere], args: [] }
      """
    When poolctl is up until it tells "nope/r0 failed"
    And the journal comes to hold "chat/r0 ready in"
    Then stderr holds "nope/r0 failed" and not "chat/r0"

  @OC-POOL-3030
  Scenario: An order's correlation id is on what it causes, and on nothing else
    Given the pools:
      """
      chat: {}
      other: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And other/r0 becomes ready
    When I POST "/v2/pools/chat/stop" with the header "X-Correlation-Id: night-shift:1"
    Then the answer is 202
    And chat/r0 becomes stopped
    When the engine of other/r0 gets SIGKILL
    And other/r0 becomes backoff
    Then the events with the correlation id "night-shift:1" are "operation.started, replica.stopping, operation.finished"

  Scenario: On a terminal the same events are sentences with the time of day
    Given the pools:
      """
      chat: {}
      nope: { engine: command, command: [/nowhere/engine], args: [] }
      """
    When poolctl is up on a terminal until it shows:
      | \d\d:\d\d:\d\d nope/r0 failed: cannot run "/nowhere/engine" |
      | \d\d:\d\d:\d\d chat/r0 ready in \d                          |
    Then no line of the terminal is JSON

  Scenario: A full log of a living engine is put by, and the engine writes on into the same file
    Given the pools:
      """
      chat: { logs: { max_size: 64KiB, keep: 2 } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When I note the file of the log of chat/r0
    And the engine of chat/r0 is told to "print?text=first%20of%20many&times=8000"
    Then the log of chat/r0 comes to be rotated
    And the engine of chat/r0 is told to "print?text=second%20words"
    And the log of chat/r0 comes to hold "second words"
    And the log of chat/r0 is still the same file, and the engine's descriptor too
    And of the lines of chat/r0 `poolctl logs` shows "first of many" 8000 times
    And of the lines of chat/r0 `poolctl logs` shows "second words" 1 times
    When I run `poolctl logs chat/r0 -n 2`
    Then it says "second words"
    When the engine of chat/r0 is told to "print?text=third%20words&times=8000"
    And the rotated logs of chat/r0 come to be 2
    And the engine of chat/r0 is told to "print?text=fourth%20words&times=8000"
    And the log of chat/r0 comes to be emptied
    Then the rotated logs of chat/r0 are 2
    And chat/r0 still runs in its first process
    And there is no event "storage.degraded"

  Scenario: What an engine wrote before its log was put by is still what it said last
    Given the pools:
      """
      chat: { logs: { max_size: 64KiB, keep: 2 }, restart: { policy: never } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "print?text=long%20words&times=8000"
    And the engine of chat/r0 is told to "print?text=out%20of%20paper"
    And the log of chat/r0 comes to be rotated
    And the engine of chat/r0 gets SIGKILL
    Then chat/r0 becomes failed
    And the last lines of the crash of chat/r0 hold "out of paper"
    When I run `poolctl logs chat/r0 -n 2000`
    Then it says "out of paper"

  Scenario: A full log is put by at a launch
    Given the pools:
      """
      chat: { args: [--load-time, 20ms, --order, "print?text=loading&times=9000", --order, "crash?code=3&after=50ms"], logs: { max_size: 64KiB, keep: 2 } }
      """
    And poolctl is up
    When the rotated logs of chat/r0 come to be 2
    Then the log of chat/r0 reads:
      """
      --- poolctl: chat/r0 incarnation \d+ \S+
      """

  Scenario: A log that cannot be put by is told of once, and loses nothing
    Given the pools:
      """
      chat: { logs: { max_size: 64KiB, keep: 2 } }
      """
    And the directory "state/logs/chat/r0.log.1.copy/in-the-way"
    And the state directory is ours alone
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "print?text=first%20of%20many&times=8000"
    Then there is an event "storage.degraded" with:
      | level  | error                                  |
      | detail | {dir}/state/logs/chat/r0.log           |
      | reason | /^cannot rotate the log ".*r0\.log": / |
    And of the lines of chat/r0 `poolctl logs` shows "first of many" 8000 times
    And chat/r0 is ready

  Scenario: Of a streak of failures the first and the last stay, whatever was rotated
    Given the pools:
      """
      chat:
        args: [--load-time, 10m, --order, "print?text=so%20long&times=2000", --order, "crash?code=3&after=20ms"]
        logs: { max_size: 16KiB, keep: 1 }
        restart: { breaker: { threshold: 5, open_for: 10m } }
      """
    And poolctl is up
    When chat/r0 becomes broken
    Then the kept failures of chat/r0 are those of the incarnations 1 and 5
    When I run `poolctl diagnose {dir}/state/logs/chat/r0.last-failure.log --exit-code 3`
    Then it exits with 0

  Scenario: The journal is rotated, and read over its files
    Given the supervisor setting "events: { max_size: 8KiB, keep: 2 }"
    And the pools:
      """
      chat: { args: [--order, "crash?code=3"], restart: { backoff: { initial: 20ms, max: 20ms }, breaker: { threshold: 12, open_for: 10m } } }
      """
    And poolctl is up
    When chat/r0 becomes broken
    Then the journal comes to hold "chat/r0 is not started for a while"
    And the journal has at most 2 older files, and one at least
    When I run `poolctl events --json`
    Then it exits with 0
    And it says "replica.broken"
