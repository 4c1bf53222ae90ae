/** Holds what a state of the core would be shown as, and told as, to openapi.json: whatever a test of the core comes to is a test of that too. */

import type { Event } from '../../src/core/events.js';
import { viewLease } from '../../src/core/lease-view.js';
import { viewOperation } from '../../src/core/operation-view.js';
import { viewPools } from '../../src/core/snapshot.js';
import type { State } from '../../src/core/state.js';
import { viewDevices } from '../../src/devices/view.js';
import { eventLine } from '../../src/telemetry/lines.js';
import { rfc3339 } from '../../src/text/time.js';
import { holdValue } from './contract.js';

export function holdViews(state: State, now: number): void {
  for (const pool of viewPools(state, { now, time: rfc3339 })) holdValue('PoolView', pool);
  for (const operation of state.operations.values()) holdValue('OperationView', viewOperation(operation, state, rfc3339));
  for (const device of viewDevices(state, now)) holdValue('DeviceView', device);
  for (const lease of state.leases.values()) {
    const view = viewLease(lease, state, rfc3339);
    if (view !== null) holdValue('LeaseView', view);
  }
}

export function holdEvents(events: readonly Event[]): void {
  for (const event of events) holdValue('Event', eventLine(event, 'start-1', 0));
}
