Feature: An engine has no more rights than it needs
  Engines run code and models of others. What the kernel says of the process of each is what counts: privileges, capabilities,
  descriptors, directory and user. Of its environment `placement/device_masks` tells, of its end with the supervisor `supervision/restore`.

  Background:
    Given the defaults:
      """
      engine: demo
      device_masks: [cpu]
      args: [--load-time, 20ms]
      health: { startup_interval: 50ms }
      """

  Scenario: Unless it is told otherwise, an engine can gain no privilege and has no capability
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the kernel says of the engine of chat/r0:
      | NoNewPrivs | 1                |
      | CapInh     | 0000000000000000 |
      | CapPrm     | 0000000000000000 |
      | CapEff     | 0000000000000000 |
      | CapAmb     | 0000000000000000 |
      | Umask      | 0077             |
      | SigBlk     | 0000000000000000 |
    And the kernel says the same of poolctl and of the engine of chat/r0 in "Uid, Gid, Groups"

  Scenario: Nor has anything that it starts
    Given the pools:
      """
      chat: {}
      """
    And poolctl is up
    And chat/r0 becomes ready
    When the engine of chat/r0 is told to "leak?setsid&wipe-env"
    Then the kernel says of what it left behind:
      | NoNewPrivs | 1                |
      | CapPrm     | 0000000000000000 |
      | CapEff     | 0000000000000000 |
      | Umask      | 0077             |

  Scenario: Root without capabilities is not the root that it seems
    Given poolctl is run by root
    And the pools:
      """
      chat: { engine: command, args: [], command: [sh, -c, "touch mine && chown nobody mine; echo it said $?; exec sleep 600"], health: { path: none } }
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the log of chat/r0 comes to hold "Operation not permitted"
    And the log of chat/r0 comes to hold "it said 1"
    And the kernel says of the engine of chat/r0:
      | CapBnd | 0000000000000000 |

  Scenario: What is set to false is left as it is
    Given the pools:
      """
      chat: { isolate: { no_new_privs: false, drop_capabilities: false } }
      caps: { isolate: { no_new_privs: false } }
      privs: { isolate: { drop_capabilities: false } }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And caps/r0 becomes ready
    And privs/r0 becomes ready
    Then the kernel says the same of poolctl and of the engine of chat/r0 in "NoNewPrivs, CapInh, CapPrm, CapEff, CapBnd, CapAmb"
    And the kernel says the same of poolctl and of the engine of caps/r0 in "NoNewPrivs"
    And the kernel says of the engine of caps/r0:
      | CapEff | 0000000000000000 |
    And the kernel says the same of poolctl and of the engine of privs/r0 in "CapEff, CapBnd"
    And the kernel says of the engine of privs/r0:
      | NoNewPrivs | 1 |

  Scenario: It has its log open and nothing else, whatever its supervisor was started with
    Given the pools:
      """
      chat: { device_masks: [cpu, cpu], engine: command, args: [], command: [sleep, "600"], health: { path: none, min_uptime: 300ms } }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And chat/r1 becomes ready
    Then the open files of the engine of chat/r0 are:
      | 0 | /dev/null                  |
      | 1 | {dir}/state/logs/chat/r0.log |
      | 2 | {dir}/state/logs/chat/r0.log |
    And the open files of the engine of chat/r1 are:
      | 0 | /dev/null                  |
      | 1 | {dir}/state/logs/chat/r1.log |
      | 2 | {dir}/state/logs/chat/r1.log |
    And its log is readable for its owner alone

  Scenario: It works in a directory of its own, or where it is told to
    Given the directory "place"
    And the pools:
      """
      chat: { device_masks: [cpu, cpu] }
      told: { workdir: place }
      """
    And poolctl is up
    When chat/r0 becomes ready
    And chat/r1 becomes ready
    And told/r0 becomes ready
    Then the engine of chat/r0 works in its own directory of the state directory, which is nobody else's
    And the engine of chat/r1 works in its own directory of the state directory, which is nobody else's
    And the engine of told/r0 works in "{dir}/place"

  Scenario: Run as another user it has that user's groups, a directory that it may use, and no way to what is ours
    Given poolctl is run by root
    And the pools:
      """
      chat:
        engine: command
        args: []
        user: nobody
        command: [sh, -c, "touch mine && echo may write here; cat ${STATE_DIR}/supervisor.lock || echo is kept out; exec sleep 600"]
        health: { path: none, min_uptime: 300ms }
      """
    And poolctl is up
    When chat/r0 becomes ready
    Then the engine of chat/r0 runs as "nobody" with the groups of that user and no other
    And the kernel says of the engine of chat/r0:
      | NoNewPrivs | 1                |
      | CapPrm     | 0000000000000000 |
      | CapEff     | 0000000000000000 |
      | CapBnd     | 0000000000000000 |
      | CapAmb     | 0000000000000000 |
    And the log of chat/r0 comes to hold "may write here"
    And the log of chat/r0 comes to hold "is kept out"
    And the engine of chat/r0 works in a directory that belongs to "nobody" alone
