/** What was asked for, and how far it is. */

import type { Operation } from '../../core/state.js';
import type { OperationView } from '../wire.js';
import * as examples from './examples.js';
import { asText, component, flag, integer, list, maybe, object, orNull, text, time, words } from './schema.js';

const maybeText = orNull(text());
const ended = 'its deadline, or an engine that ended with leases held, ended it by force';

export const operation = component(
  'OperationView',
  object<OperationView>(
    {
      operation_id: text('For `GET /v2/operations/{operation}`.'),
      kind: asText(
        words<Operation['kind']>('', {
          start: '',
          stop: '',
          restart: '',
          reset: '',
          drain: '',
          reload: '',
          apply: '',
          shutdown: '',
        }),
      ),
      pool_id: orNull(text('Null for a shutdown.')),
      state: words('', { running: '', succeeded: '', failed: '' }),
      outcome: orNull(
        asText(
          words('How it ended.', {
            ready: '',
            stopped: '',
            drained: '',
            forced: ended,
            kept: 'a shutdown that left the engines running',
            reloaded: '',
            applied: 'what the file says runs',
            unchanged: 'it was so already',
            rolled_back: 'what ran before runs again',
            rollback_failed: 'not even what ran before came back',
            drain_timeout: 'the drain was not over in time; the old model serves as before',
            failed: '',
            interrupted: 'the supervisor ended while it was under way',
            cancelled: 'another operation overrode it',
          }),
        ),
      ),
      changed: flag('False where everything was so already.'),
      started_at: time(),
      finished_at: orNull(time()),
      interrupted: flag('The supervisor ended while it was under way.'),
      active_leases: integer('Leases that were held when it began.'),
      inflight: orNull(integer('Requests that ran when it began.')),
      cut: integer('Leases that were lost, since their engine was ended or died while it was under way.'),
      startup_deadline_ms: orNull(integer('How long the slowest of its engines that load now may take.')),
      steps: list(
        object<OperationView['steps'][number]>({
          replica_id: text(),
          step: text(),
          state: asText(words('', { pending: '', running: '', done: '', failed: '' })),
          detail: maybeText,
        }),
        'One or more for each replica.',
      ),
      error: maybe(
        object<NonNullable<OperationView['error']>>(
          {
            code: asText(words('', { OPERATION_FAILED: '', RELOAD_FAILED: '', DRAIN_TIMEOUT: '', MODEL_UNAVAILABLE: '' })),
            message: text(),
            why: maybe(text()),
            hint: maybe(text()),
          },
          'Where it failed.',
        ),
      ),
    },
    'What was asked for, and how far it is. Kept for an hour, and at least the last 200, until the supervisor ends.',
  ),
  examples.running,
);
