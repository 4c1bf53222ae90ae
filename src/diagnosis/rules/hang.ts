/** It lived and did nothing. */

import { rulesOf } from '../rule.js';

export const hangRules = rulesOf('hang', [
  {
    subclass: 'collective_timeout',
    says: 'GPUs waited for each other until a watchdog gave up',
    phrases: [
      'Watchdog caught collective operation timeout',
      'collective operation timeout',
      'Some NCCL operations have failed or timed out',
      'NCCL watchdog thread terminated',
      'notify wait timeout',
      'HCCL*timeout',
      'Received a dump signal due to a collective timeout',
      'last enqueued NCCL work: *last completed',
    ],
    example: '[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7, OpType=ALLREDUCE, Timeout(ms)=600000)',
  },
  {
    subclass: 'execute_model_timeout',
    says: 'A worker did not answer in time',
    phrases: [
      'RPC call to * timed out',
      'Engine iteration timed out',
      'RayChannelTimeoutError',
      'GetTimeoutError',
      'Timed out waiting for engine core',
      'TimeoutError: Timeout waiting for',
      'timed out waiting for worker',
      'Worker * timed out',
      'WORKER TIMEOUT',
    ],
    example: 'TimeoutError: RPC call to execute_model timed out.',
  },
  {
    subclass: 'watchdog_timeout',
    says: 'A watchdog found it stuck',
    phrases: [
      '^Watchdog timeout',
      'Scheduler watchdog timeout',
      'watchdog timeout (self.watchdog_timeout',
      'Watchdog timeout (limit',
      "couldn't get a response from detokenizer",
      'Health check failed. Server couldn',
      'blocked for more than # seconds',
      'soft lockup - CPU',
      'hung_task',
      'status=6/ABRT*watchdog',
      "Failed with result 'watchdog'",
      'health check timed out',
      'timed out waiting for llama runner to start',
      'timed out waiting for server to start',
      'llama runner process no longer running: -1',
      'Server is stuck',
      'Detected hung',
      'No progress for # seconds',
    ],
    example: '[2026-03-01 09:00:00] Scheduler watchdog timeout (self.watchdog_timeout=300, self.soft=False)',
  },
  {
    subclass: 'async_engine_dead',
    says: 'The server lived on while its engine was dead',
    weight: 'symptom',
    phrases: [
      'Background loop is stopped',
      'Background loop is not running',
      'Background loop has errored already',
      'AsyncEngineDeadError',
      'engine is dead',
      'MQEngineDeadError',
    ],
    example: 'vllm.engine.async_llm_engine.AsyncEngineDeadError: Background loop is stopped.',
  },
  {
    subclass: 'slow_worker',
    says: 'A worker keeps the others waiting',
    weight: 'notice',
    phrases: ['No available shared memory broadcast block found', 'No available block found in # second'],
    example:
      'No available shared memory broadcast block found in 60 seconds. This typically happens when some processes are hanging',
  },
]);
