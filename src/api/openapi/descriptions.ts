/** What each route is for, what its fields mean, and what it answers. */

import { type Answer, type Descriptions, json, plain } from './describing.js';
import { eventLine } from './events.js';
import * as examples from './examples.js';
import { operation } from './operation.js';
import { document, liveness } from './plain.js';
import { apply, capabilities, devices, health, lease, leaseList, pool, status } from './views.js';

const began = (about: string, example = examples.running): Answer => json(about, operation, example);
const operated = (kind: string) => ({ ...examples.running, kind, steps: [{ ...step, step: kind }] });
const [step] = examples.running.steps as [(typeof examples.running.steps)[number]];

const replicaId = 'Only this replica.';
const notHere = 'Is taken no notice of.';
const wishes = { replica_id: replicaId, now: notHere, deadline_ms: notHere, once: notHere };
const unknown = ['POOL_NOT_FOUND', 'REPLICA_NOT_FOUND'] as const;

export const descriptions: Descriptions = {
  'GET /health': {
    id: 'getHealth',
    tag: 'supervisor',
    about: 'The supervisor lives',
    answers: { 200: json('It does.', liveness) },
    refusals: [],
  },
  'GET /metrics': {
    id: 'getMetrics',
    tag: 'supervisor',
    about: 'Metrics for Prometheus',
    more: 'In the text format, version 0.0.4. A scrape reads what the supervisor knows, and asks no engine.',
    answers: {
      200: plain(
        'All series.',
        'text/plain',
        '# HELP pool_ready 1 while any of its replicas serves\n# TYPE pool_ready gauge\npool_ready{pool_id="chat"} 1\n',
      ),
    },
    refusals: [],
  },
  'GET /openapi.json': {
    id: 'getDocument',
    tag: 'supervisor',
    about: 'This document',
    answers: { 200: json('OpenAPI 3.1.', document) },
    refusals: [],
  },
  'GET /v2/pools': {
    id: 'getStatus',
    tag: 'pools',
    about: 'Everything: supervisor, pools with their replicas, devices',
    answers: { 200: json('As it is now; the same as `poolctl status --json`.', status) },
    refusals: [],
  },
  'GET /v2/pools/{pool}': {
    id: 'getPool',
    tag: 'pools',
    about: 'One pool',
    answers: { 200: json('As it is now.', pool) },
    refusals: ['POOL_NOT_FOUND'],
  },
  'GET /v2/pools/{pool}/health': {
    id: 'getPoolHealth',
    tag: 'pools',
    about: 'One pool in short',
    answers: { 200: json('As it is now.', health) },
    refusals: ['POOL_NOT_FOUND'],
  },
  'POST /v2/pools/{pool}/start': {
    id: 'startPool',
    tag: 'operations',
    about: 'Start what is stopped; ends a drain',
    answers: { 202: began('It has begun.', operated('start')) },
    refusals: [...unknown, 'OPERATION_IN_PROGRESS', 'POOL_UNAVAILABLE', 'SHUTTING_DOWN'],
    fields: wishes,
    example: { replica_id: 'r0' },
  },
  'POST /v2/pools/{pool}/stop': {
    id: 'stopPool',
    tag: 'operations',
    about: 'Stop engines, without waiting for leases',
    answers: { 202: began('It has begun.', operated('stop')) },
    refusals: [...unknown, 'SHUTTING_DOWN'],
    fields: wishes,
    example: { replica_id: 'r0' },
  },
  'POST /v2/pools/{pool}/restart': {
    id: 'restartPool',
    tag: 'operations',
    about: 'Restart one replica after another, each drained first',
    answers: { 202: began('It has begun.', operated('restart')) },
    refusals: [...unknown, 'OPERATION_IN_PROGRESS', 'POOL_UNAVAILABLE', 'SHUTTING_DOWN'],
    fields: {
      ...wishes,
      now: 'Without a drain.',
      deadline_ms: "How long each drain may take at most; by default the pool's `drain.deadline`.",
    },
    example: { deadline_ms: 60_000 },
  },
  'POST /v2/pools/{pool}/reset': {
    id: 'resetPool',
    tag: 'operations',
    about: 'Close breakers, forget waits and permanent failure, and start',
    answers: { 202: began('It has begun.', operated('reset')) },
    refusals: [...unknown, 'OPERATION_IN_PROGRESS', 'SHUTTING_DOWN'],
    fields: { ...wishes, once: 'Allow one launch and forget nothing.' },
    example: { replica_id: 'r0', once: true },
  },
  'POST /v2/pools/{pool}/drain': {
    id: 'drainPool',
    tag: 'operations',
    about: 'Take out of service in peace',
    more: 'No new leases; those held and the requests that run are waited for, then the engine is stopped; at the deadline all the same. A drain of the same replicas that runs already is joined, and the earlier deadline rules.',
    answers: { 202: began('It has begun, or was joined.') },
    refusals: [...unknown, 'SHUTTING_DOWN'],
    fields: {
      replica_id: replicaId,
      deadline_ms: "Counts from now; 0 is at once; by default the pool's `drain.deadline`.",
      extend: 'May move the deadline of a drain that runs to a later time.',
    },
    example: { replica_id: 'r0', deadline_ms: 600_000 },
  },
  'POST /v2/pools/{pool}/reload': {
    id: 'reloadPool',
    tag: 'operations',
    about: 'Switch the model of every replica, or of none',
    more: 'Answered when it is over, or with `Prefer: respond-async` as soon as it has begun.',
    answers: {
      200: json('Every replica serves the new model, or did already.', operation, examples.reloaded),
      202: began('It has begun.', operated('reload')),
    },
    refusals: [
      'POOL_NOT_FOUND',
      'OPERATION_IN_PROGRESS',
      'NOT_SUPPORTED',
      'DRAIN_TIMEOUT',
      'MODEL_UNAVAILABLE',
      'RELOAD_FAILED',
      'SHUTTING_DOWN',
    ],
    fields: {
      new_model_ref: 'As `model` in pools.yaml.',
      digest: "Of the new model's file: `sha256:` and hexadecimal digits. Checked before anything is touched.",
      drain_deadline_ms: "How long each drain may take at most; by default the pool's `drain.deadline`. Then all is as before.",
    },
    example: { new_model_ref: '/models/qwen3-14b-q4_k_m.gguf', drain_deadline_ms: 60_000 },
    headers: ['Prefer'],
  },
  'POST /v2/inventory/apply': {
    id: 'applyInventory',
    tag: 'operations',
    about: 'Read pools.yaml anew, and carry out what has changed in it',
    more: 'Answered as soon as that has begun. Errors in the file change nothing; they stand in `problems`.',
    answers: { 200: json('What becomes of each pool.', apply) },
    refusals: ['INVENTORY_INVALID', 'OPERATION_IN_PROGRESS', 'SHUTTING_DOWN'],
    fields: { dry_run: 'Only say it.' },
    example: { dry_run: true },
  },
  'POST /v2/pools/{pool}/leases': {
    id: 'acquireLease',
    tag: 'leases',
    about: 'Lease a slot',
    more: 'Granted by the least loaded of the ready replicas that have a free slot. Whoever has it may send one request at a time to its `url`.',
    answers: { 201: json('Granted.', lease) },
    refusals: [...unknown, 'NO_FREE_SLOT', 'POOL_DRAINING', 'POOL_UNREADY', 'SHUTTING_DOWN'],
    fields: {
      ttl_ms: 'How long it holds unless it is renewed; by default a minute.',
      replica_id: 'Of this replica and no other.',
      holder: 'Who has it, for people.',
    },
    example: { ttl_ms: 30_000, holder: 'me' },
  },
  'GET /v2/leases': {
    id: 'getLeases',
    tag: 'leases',
    about: 'Leases that are held',
    answers: { 200: json('The oldest first.', leaseList) },
    refusals: ['POOL_NOT_FOUND'],
    query: { pool_id: 'Only those of this pool.' },
  },
  'POST /v2/leases/{lease}/renew': {
    id: 'renewLease',
    tag: 'leases',
    about: 'Hold on to a lease',
    answers: { 200: json('It holds from now on for as long again.', lease) },
    refusals: ['LEASE_NOT_FOUND', 'SHUTTING_DOWN'],
    fields: { ttl_ms: 'How long it holds from now on; by default as long as it was granted for.' },
    example: { ttl_ms: 30_000 },
  },
  'DELETE /v2/leases/{lease}': {
    id: 'releaseLease',
    tag: 'leases',
    about: 'Give a lease back',
    answers: { 204: { about: 'It is gone, or was already.', body: null } },
    refusals: ['SHUTTING_DOWN'],
  },
  'GET /v2/pools/{pool}/replicas/{replica}/logs': {
    id: 'getLog',
    tag: 'news',
    about: 'What an engine prints',
    answers: {
      200: plain(
        'As it was written.',
        'text/plain',
        '--- poolctl: chat/r0 incarnation 3 2026-03-01T13:04:05.000Z\nload_model: loading\n',
      ),
    },
    refusals: [...unknown],
    query: {
      tail: 'Only the last lines, so many.',
      follow: 'It goes on with what comes.',
      previous: 'The incarnation before the last; nothing where there is none.',
    },
  },
  'GET /v2/operations/{operation}': {
    id: 'getOperation',
    tag: 'operations',
    about: 'How far an operation is',
    answers: { 200: json('As it is now.', operation) },
    refusals: ['OPERATION_NOT_FOUND'],
    query: { wait_ms: 'The answer comes when it has ended, or after so long, at most ten minutes.' },
  },
  'GET /v2/events': {
    id: 'getEvents',
    tag: 'news',
    about: 'What happens, as server-sent events',
    more: 'The `data` of each is an Event, or a Gap where some are missing: `x-event-data` has the schema. `id` is that of the event, `event` its name. A comment every 15 seconds shows that the other end lives. The stream ends with the supervisor.',
    answers: {
      200: plain(
        'From now on, or from the event after the one named.',
        'text/event-stream',
        `: poolctl events\n\nid: ${eventLine.example.id}\nevent: ${eventLine.example.event}\ndata: ${JSON.stringify(eventLine.example)}\n\n`,
      ),
    },
    refusals: [],
    query: { since: 'The id of the last event that was seen; Last-Event-ID rules over it.' },
    headers: ['Last-Event-ID'],
  },
  'GET /v2/devices': {
    id: 'getDevices',
    tag: 'pools',
    about: 'GPUs, their memory, and who uses them',
    answers: { 200: json('As they were seen last.', devices) },
    refusals: [],
  },
  'GET /v2/meta/capabilities': {
    id: 'getCapabilities',
    tag: 'supervisor',
    about: 'Versions, and what each engine can do',
    answers: { 200: json('As it is now.', capabilities) },
    refusals: [],
  },
  'POST /v2/shutdown': {
    id: 'shutDown',
    tag: 'supervisor',
    about: 'Drain and stop all engines, and end the supervisor',
    answers: { 202: began('It has begun. The operation goes with the supervisor.', { ...operated('shutdown'), pool_id: null }) },
    refusals: ['NOT_SUPPORTED', 'SHUTTING_DOWN'],
    fields: {
      deadline_ms: 'How long the drains may take at most; by default `supervisor.shutdown_deadline`.',
      now: 'Without drains; those that run end.',
      keep_engines: 'Leave the engines to the next supervisor; refused where `supervisor.adopt` is false.',
    },
    example: { deadline_ms: 30_000 },
  },
};
