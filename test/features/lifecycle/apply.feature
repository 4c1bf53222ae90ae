Feature: Apply
  The inventory is changed while it runs. What the file says of a pool is held against what runs, and only what differs is touched: policies
  change under living engines, other keys replace them one after another, drained; a pool that is gone is drained and forgotten. A file with
  errors changes nothing, and what cannot start leaves what ran.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 1ms, --token-time, 5ms]
      health: { startup_interval: 20ms, interval: 50ms }
      restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 } }
      reload: { min_healthy: 50ms }
      """

  @ORCH-3031
  Scenario: Of a file that says the same nothing is touched
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu], env: { A: "1" } }
      code: {}
      """
    And poolctl is up
    And every replica of "chat" is ready
    And every replica of "code" is ready
    When I note who runs
    And the pools are changed to:
      """
      # The same, written otherwise.
      chat: { env: { A: "1" }, device_masks: [cpu, cpu], drain: { deadline: 300s } }
      code: { slots: auto }
      """
    And I POST "/v2/inventory/apply" with "{}"
    Then the answer is 200 and:
      """
      { "changed": false, "plan": [
        { "pool_id": "chat", "action": "keep", "reasons": [] },
        { "pool_id": "code", "action": "keep", "reasons": [] } ] }
      """
    And the same run as before
    And there is an event "inventory.applied" with:
      | level  | info                       |
      | result | unchanged                  |
      | human  | the inventory is as it was |
    When I run `poolctl apply`
    Then it exits with 0
    And it prints:
      """
      keep         chat
      keep         code
      Nothing was changed.
      """

  @ORCH-3031
  Scenario: Only the pool that has changed is restarted, one replica after another, drained
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      code: {}
      """
    And poolctl is up
    And every replica of "chat" is ready
    And every replica of "code" is ready
    When I note who runs
    And ana leases "chat/r0" for "1h"
    And the pools are changed to:
      """
      chat: { device_masks: [cpu, cpu], args: [--load-time, 1ms, --slots, "7"], port: auto }
      code: {}
      """
    And the operator applies the inventory
    Then chat/r0 becomes draining
    And that is under way, with:
      | kind            | apply           |
      | pool_id         | null            |
      | active_leases   | 1               |
      | steps[0].step   | restart chat/r0 |
      | steps[0].state  | running         |
      | steps[0].detail | drains          |
      | steps[1].state  | pending         |
    And chat/r1 is ready
    When ana gives the lease back
    Then that comes to its end, with:
      | state          | succeeded |
      | outcome        | applied   |
      | changed        | true      |
      | cut            | 0         |
      | steps[0].state | done      |
      | steps[1].state | done      |
    And of those that ran only "chat/r0, chat/r1" run in new processes
    And the pool "chat" has never been without a ready replica
    And chat/r1 shows:
      | slots_total    | 7 |
      | restart_count  | 0 |
      | restarts_total | 0 |
      | crashes_total  | 0 |
    And there is an event "inventory.applied" with:
      | level  | info    |
      | result | applied |
    And there is an event "replica.starting" with:
      | pool_id | chat  |
      | reason  | apply |
    And there is no event "reload.finished"

  @ORCH-3031
  Scenario: Policies change while engines run, and count from then on
    Given the pools:
      """
      chat: { args: [--load-time, 1ms, --order, ignore-term], stop: { grace: 1h }, drain: { deadline: 1h }, slots: 2 }
      code: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    When I note who runs
    And the pools are changed to:
      """
      chat: { args: [--load-time, 1ms, --order, ignore-term], stop: { grace: 100ms }, drain: { deadline: 300ms }, slots: 5 }
      code: { logs: { max_size: 1KiB, keep: 2 }, restart: { policy: never } }
      """
    And the operator applies the inventory
    Then the plan is:
      | live-update | chat | slots: 2 -> 5 (pools.yaml:12:118), and its engines are told at their next start; stop.grace: 1h -> 100ms (pools.yaml:12:74); drain.deadline: 1h -> 300ms (pools.yaml:12:102) |
      | live-update | code | restart.policy: on-failure -> never (pools.yaml:13:65); logs.max_size: 50.0 MiB -> 1.0 KiB (pools.yaml:13:29); logs.keep: 5 -> 2 (pools.yaml:13:41) |
    And that comes to its end, with:
      | outcome | applied |
      | steps   | []      |
    And the same run as before
    And chat/r0 shows:
      | state       | ready |
      | slots_total | 5     |
      | slots_free  | 5     |
    And the handoff file of chat/r0 has:
      | slots_total | 5 |
    When the engine of code/r0 is told to "print?text=one%20of%20many&times=8000"
    Then the log of code/r0 comes to be rotated
    And the same run as before
    When the engine of code/r0 gets SIGKILL
    Then code/r0 becomes failed
    When ana leases "chat" for "1h"
    And the operator drains "chat"
    Then that comes to its end, with:
      | outcome | forced |
      | cut     | 1      |
    And chat/r0 shows:
      | last_exit.signal | SIGKILL |

  @ORCH-3031
  Scenario: A pool that is new starts, and one that is gone is drained and forgotten
    Given the pools:
      """
      chat: {}
      code: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And every replica of "code" is ready
    When I note who runs
    And ana leases "code/r0" for "1h"
    And the pools are changed to:
      """
      embed: {}
      chat: {}
      """
    And the operator applies the inventory
    Then the plan is:
      | start | embed | new in the file                                |
      | keep  | chat  |                                                |
      | stop  | code  | not in the file any more; drained first, up to 5m |
    And embed/r0 becomes ready
    And code/r1 becomes stopped
    And code/r0 shows:
      | state    | draining |
      | goal     | down     |
    And that is under way, with:
      | steps[0].step  | stop code/r0 |
      | steps[0].state | running      |
      | steps[1].state | done         |
    And code/r0 has no handoff file
    When ben leases "code"
    Then ben is refused with 409 POOL_DRAINING
    When I run `poolctl start code`
    Then it exits with 7
    When ana gives the lease back
    Then that comes to its end, with:
      | outcome        | applied |
      | cut            | 0       |
      | steps[0].state | done    |
    And the pools are "embed, chat"
    And the engine of code/r0 is gone
    And code/r0 has no pid file
    And the metrics come to name no pool "code"
    And chat/r0 still runs in its first process
    When I run `poolctl status code`
    Then it exits with 8
    When the pools are changed to:
      """
      embed: {}
      chat: {}
      code: {}
      """
    And the operator applies the inventory
    Then code/r0 becomes ready
    And code/r0 shows:
      | incarnation | 2 |
    And the metrics come to show:
      | replica_state{pool_id="code"} | 1 |

  @ORCH-3031
  Scenario: A pool gets more masks and fewer
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      """
    And poolctl is up
    And every replica of "chat" is ready
    When the pools are changed to:
      """
      chat: { device_masks: [cpu, cpu, cpu] }
      """
    And the operator applies the inventory
    Then that comes to its end, with:
      | outcome | applied |
    And chat/r2 becomes ready
    When ana leases "chat/r2" for "1h"
    And the pools are changed to:
      """
      chat: { device_masks: [cpu] }
      """
    And the operator applies the inventory
    Then the plan is:
      | restart | chat | device_masks: removed cpu cpu (pools.yaml:12:25) |
    And chat/r2 becomes draining
    When ana gives the lease back
    Then that comes to its end, with:
      | outcome        | applied |
      | steps[2].state | done    |
    And the pool "chat" shows:
      | state              | ready   |
      | device_masks       | ["cpu"] |
      | replicas[0].state  | ready   |
      | replicas[1]        | nothing |
    And the engine of chat/r1 is gone
    And the engine of chat/r2 is gone
    And chat/r2 has no handoff file
    And the metrics come to show:
      | replica_state{pool_id="chat"} | 1 |

  @ORCH-3031
  Scenario: A file with errors changes nothing, and all of them are told
    Given the pools:
      """
      chat: {}
      code: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    When I note who runs
    And the pools are changed to:
      """
      chat: { args: [--slots, "9"], modle: x }
      code: { port: 70000, env: { TOKEN: topsecret } }
      """
    And I run `poolctl apply`
    Then it exits with 4
    And it prints nothing
    And it says "error: unknown key \"modle\" in pools.chat  [UNKNOWN_KEY]"
    And it says "^^^^^ did you mean \"model\"?"
    And it says "2 errors in pools.yaml. Nothing was changed."
    And the codes are "UNKNOWN_KEY, INVALID_VALUE"
    And it points at "modle"
    And it does not say "topsecret"
    When I POST "/v2/inventory/apply" with "{}"
    Then the answer is 422 with:
      | error.code         | INVENTORY_INVALID             |
      | error.retriable    | false                         |
      | error.message      | /^cannot apply the inventory: pools\.yaml:12:33: unknown key "modle" in pools\.chat, and 1 more$/ |
      | problems[0].code   | UNKNOWN_KEY                   |
      | problems[0].line   | 12                            |
      | problems[0].hint   | did you mean "model"?         |
      | problems[1].code   | INVALID_VALUE                 |
      | problems[1].column | a whole number                |
    And there is an event "inventory.rejected" with:
      | level  | error                                                                       |
      | reason | pools.yaml:12:33: unknown key "modle" in pools.chat, and 1 more             |
      | human  | /^the inventory stays as it was: pools\.yaml:12:33: unknown key "modle"/     |
    And the same run as before
    And nothing that poolctl wrote or printed holds "topsecret"
    When the file "pools.yaml" is removed
    And I run `poolctl apply`
    Then it exits with 4
    And it says "pools.yaml: error: cannot read the inventory: there is no such file"
    And the same run as before
    And there is no event "operation.started"

  @ORCH-3031
  Scenario: What an apply would do is shown with the keys that differ, and not done
    Given the pools:
      """
      chat: {}
      code: { args: [--load-time, 1ms, --ctx-size, "16384"], env: { TOKEN: old-secret } }
      big: {}
      vision: {}
      """
    And poolctl is up
    And every replica of "vision" is ready
    And every replica of "code" is ready
    When I note who runs
    And the pools are changed to:
      """
      chat: {}
      code:
        args: [--load-time, 1ms, --ctx-size, "32768"]
        env: { TOKEN: new-secret }
      big: { drain: { deadline: 10m } }
      embed: {}
      """
    And I run `poolctl apply --dry-run`
    Then it exits with 0
    And it prints:
      """
      keep         chat
      restart      code    args: --ctx-size 16384 -> 32768 (pools.yaml:14:11)
                           env.TOKEN: changed (pools.yaml:15:19)
      live-update  big     drain.deadline: 5m -> 10m (pools.yaml:16:29)
      start        embed   new in the file
      stop         vision  not in the file any more; drained first, up to 5m
      Nothing was changed.
      """
    When I POST "/v2/inventory/apply" with "{\"dry_run\":true}"
    Then the answer is 200 with:
      | changed       | true    |
      | operation_id  | nothing |
      | plan[1].action | restart |
    And the same run as before
    And there is no event "operation.started"
    And there is no event "inventory.applied"
    When the pools are changed to:
      """
      chat: { modle: x }
      """
    And I run `poolctl apply --dry-run`
    Then it exits with 4
    And there is no event "inventory.rejected"
    And nothing that poolctl wrote or printed holds "new-secret"

  @ORCH-3031 @ORCH-3038
  Scenario: What cannot start leaves what ran, in its pool alone
    Given the models "old, bad"
    And the pools:
      """
      chat: { model: old, device_masks: [cpu, cpu], args: [--load-time, 1ms, --order, "crash?model=bad"] }
      code: {}
      """
    And poolctl is up
    And every replica of "chat" is ready
    And every replica of "code" is ready
    When I note who runs
    And the pools are changed to:
      """
      chat: { model: bad, device_masks: [cpu, cpu], args: [--load-time, 1ms, --order, "crash?model=bad"] }
      code: { args: [--load-time, 1ms, --slots, "3"] }
      """
    And I run `poolctl apply`
    Then it exits with 9
    And it says "error: cannot apply pools.chat: what was there before is there again; the rest was applied  [RELOAD_FAILED]"
    And it says "why:  chat/r0: exited with code 1"
    And it says "try:  poolctl logs chat/r0 --previous"
    And of those that ran only "chat/r0, code/r0" run in new processes
    And every replica of "chat" is ready
    And the replicas of "chat" have the models "old, old"
    And code/r0 shows:
      | slots_total | 3 |
    And there is an event "inventory.applied" with:
      | level  | warn        |
      | result | rolled_back |
    When I run `poolctl apply --dry-run`
    Then it says "restart      chat  model: {dir}/old -> {dir}/bad (pools.yaml:12:18)"
    And it says "keep         code"

  @ORCH-3031
  Scenario: Whoever was stopped by hand stays so, and whoever had given up is tried at once, with the new entry
    Given the pools:
      """
      chat: {}
      code: { args: [--load-time, 1ms, --no-such-flag] }
      big: { args: [--load-time, 1ms, --order, crash], restart: { breaker: { threshold: 1, open_for: 1h } } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes failed
    And big/r0 becomes broken
    When the operator stops "chat"
    And that comes to its end, with:
      | outcome | stopped |
    And the pools are changed to:
      """
      chat: { args: [--load-time, 1ms, --slots, "3"] }
      code: { args: [--load-time, 1ms] }
      big: { args: [--load-time, 1ms], restart: { breaker: { threshold: 1, open_for: 1h } } }
      """
    And the operator applies the inventory
    Then that comes to its end, with:
      | outcome | applied |
    And code/r0 is ready
    And big/r0 is ready
    And big/r0 shows:
      | breaker.state | closed |
      | crash_count   | 0      |
    And chat/r0 shows:
      | state | stopped |
      | goal  | down    |
    When I run `poolctl start chat`
    Then it exits with 0
    And chat/r0 shows:
      | slots_total | 3 |

  @ORCH-3031
  Scenario: SIGHUP does the same, and survives a file with errors
    Given the pools:
      """
      chat: {}
      code: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    When I note who runs
    And the pools are changed to:
      """
      chat: {}
      code: { args: [--slots, "x" }
      """
    And poolctl gets SIGHUP
    Then there is an event "inventory.rejected" with:
      | reason | /^pools\.yaml:13:\d+: / |
    And the same run as before
    When the pools are changed to:
      """
      chat: {}
      code: { args: [--load-time, 1ms, --slots, "3"] }
      """
    And poolctl gets SIGHUP
    Then there is an event "inventory.applied" with:
      | result | applied |
    And of those that ran only "code/r0" run in new processes
    And code/r0 shows:
      | state       | ready |
      | slots_total | 3     |
    When I run `poolctl status`
    Then it exits with 0

  @ORCH-3031
  Scenario: An apply beside a reload is refused, and so is a reload beside an apply
    Given the models "old, new"
    And the pools:
      """
      chat: { model: old }
      code: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    And code/r0 becomes ready
    When ana leases "chat" for "1h"
    And a reload of "chat" to "new" begins
    And the pools are changed to:
      """
      chat: { model: old }
      code: { args: [--load-time, 1ms, --slots, "3"] }
      """
    And I run `poolctl apply`
    Then it exits with 7
    And it says "[OPERATION_IN_PROGRESS]"
    When I run `poolctl apply --dry-run`
    Then it exits with 0
    And code/r0 still runs in its first process
    When poolctl gets SIGHUP
    Then there is an event "inventory.rejected" with:
      | reason | /a reload of chat is running/ |
    When ana gives the lease back
    Then the reload comes to its end with "reloaded"
    When ben leases "code" for "1h"
    And the operator applies the inventory
    And code/r0 becomes draining
    And I POST "/v2/pools/chat/reload" with "{\"new_model_ref\":\"old\"}"
    Then the answer is 409 with:
      | error.code      | OPERATION_IN_PROGRESS |
      | error.retriable | true                  |
    When I POST "/v2/inventory/apply" with "{}"
    Then the answer is 409 with:
      | error.code | OPERATION_IN_PROGRESS |
    When ben gives the lease back
    Then that comes to its end, with:
      | outcome | applied |

  @ORCH-3031
  Scenario: The model of a reload stands until the file names another
    Given the models "old, new, third"
    And the pools:
      """
      chat: { model: old }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When "chat" is reloaded to "new"
    And the pools are changed to:
      """
      chat: { model: old, args: [--load-time, 1ms, --slots, "3"] }
      """
    And the operator applies the inventory
    Then the plan is:
      | restart | chat | args: --token-time *** -> --slots 3 (pools.yaml:12:29); runs {dir}/new by a reload; the file names {dir}/old |
    And that comes to its end, with:
      | outcome | applied |
    And the pool "chat" shows:
      | model_id           | new       |
      | override.model_ref | {dir}/new |
      | slots_total        | 3         |
    When the pools are changed to:
      """
      chat: { model: third, args: [--load-time, 1ms, --slots, "3"] }
      """
    And the operator applies the inventory
    Then that comes to its end, with:
      | outcome | applied |
    And the pool "chat" shows:
      | model_id | third |
      | override | null  |

  @ORCH-3031
  Scenario: A supervisor that is killed in the middle leaves to the next one what the file says
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      code: {}
      big: {}
      """
    And poolctl is up
    And every replica of "chat" is ready
    And every replica of "code" is ready
    And every replica of "big" is ready
    When ana leases "chat/r1" for "1h"
    And ben leases "code" for "1h"
    And the pools are changed to:
      """
      chat: { device_masks: [cpu, cpu], args: [--load-time, 1ms, --slots, "3"] }
      big: {}
      embed: {}
      """
    And the operator applies the inventory
    And chat/r1 becomes draining
    And poolctl dies of SIGKILL
    And poolctl is up
    Then every replica of "chat" is ready
    And embed/r0 is ready
    And the pools are "chat, big, embed"
    And the command line of chat/r0 holds "--slots 3"
    And the command line of chat/r1 holds "--slots 3"
    And the engine of code/r0 is gone
    And big/r0 still runs in its first process
    And no earlier engine of chat/r1 is left
    When I run `poolctl apply`
    Then it exits with 0
    And it says "Nothing was changed."

  Scenario: What of the file only the next start reads is told, and the rest of the supervisor's part counts at once
    Given the supervisor setting "engine_poll: null"
    And the pools:
      """
      chat: { health: { interval: 1h } }
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the supervisor setting "events: { keep: 1 }" from now on
    And the pools are changed to:
      """
      chat: { health: { interval: 1h } }
      """
    And I POST "/v2/inventory/apply" with "{}"
    Then the answer is 200 with:
      | changed  | false                                                                       |
      | notes[0] | supervisor.events has changed, and takes effect at the next poolctl up      |
    When the supervisor setting "device_poll: 1m" from now on
    And the pools are changed to:
      """
      chat: { health: { interval: 1h } }
      """
    And I run `poolctl apply`
    Then it exits with 0
    And it says "keep         chat"
    And it says "note: supervisor.device_poll has changed, and counts from now on"
    And it says "Applied."
    And chat/r0 still runs in its first process
