/** AMD's GPUs, as either of its tools tells of them -> devices: what a mask calls them, whichever tool it was. */

import type { Device } from '../core/model.js';
import { pciAddress } from './pci.js';

export type AmdCard = Pick<
  Device,
  'vramTotalBytes' | 'vramFreeBytes' | 'utilizationPercent' | 'temperatureCelsius' | 'powerWatts' | 'eccErrors'
> & {
  /** The tool's own number for it. */
  readonly id: number;
  /** What HIP calls it when nothing is hidden; so does ROCR_VISIBLE_DEVICES. */
  readonly hipId: number | null;
  /** Its node in the kernel's topology, in whose order ROCr counts. */
  readonly node: number | null;
  /** What could be its UUID, the best first: "GPU-" and what ROCr writes, or what else there is. */
  readonly uuids: readonly (string | null)[];
  /** "0000:03:00.0". */
  readonly bdf: string | null;
  readonly name: string | null;
};

/** In the order of their indexes. A card that has nothing by which it can be told from the others is none. */
export function devicesOfCards(cards: readonly AmdCard[]): readonly { readonly id: number; readonly device: Device }[] {
  const index = indexes(cards);
  const uuid = uuids(cards);
  return cards
    .flatMap((card) => {
      const own = uuid.get(card);
      return own === undefined ? [] : [{ id: card.id, device: deviceOf(card, index(card), own) }];
    })
    .sort((one, other) => Number(one.device.index) - Number(other.device.index));
}

function deviceOf(card: AmdCard, index: number, uuid: string): Device {
  return {
    index: String(index),
    uuid,
    name: card.name ?? 'AMD GPU',
    vendor: 'amd',
    vramTotalBytes: card.vramTotalBytes,
    vramFreeBytes: card.vramFreeBytes,
    computeCapability: null,
    utilizationPercent: card.utilizationPercent,
    temperatureCelsius: card.temperatureCelsius,
    powerWatts: card.powerWatts,
    mig: false,
    pciAddress: card.bdf === null ? null : pciAddress(card.bdf),
    eccErrors: card.eccErrors,
    // Neither tool says of a GPU that it is ill.
    ailment: null,
    tellsRecovery: false,
  };
}

/**
 * What ROCR_VISIBLE_DEVICES counts. The tools number by what they find first, and differ from it where there is an integrated GPU: so HIP's
 * number where all have one, else the rank of the kernel's nodes, else the tool's own.
 */
function indexes(cards: readonly AmdCard[]): (card: AmdCard) => number {
  if (areDistinct(cards.map(({ hipId }) => hipId))) return ({ hipId, id }) => hipId ?? id;
  if (!areDistinct(cards.map(({ node }) => node))) return ({ id }) => id;
  const nodes = cards.map(({ node }) => node ?? 0).sort((one, other) => one - other);
  return ({ node }) => nodes.indexOf(node ?? 0);
}

function areDistinct(numbers: readonly (number | null)[]): boolean {
  return numbers.every((each) => each !== null) && new Set(numbers).size === numbers.length;
}

/** Consumer cards have no number of their own, or all the same, and so have the parts of one card: those are called by their place. */
function uuids(cards: readonly AmdCard[]): ReadonlyMap<AmdCard, string> {
  const first = new Map(cards.map((card) => [card, card.uuids.find((each) => each !== null && isUuid(each)) ?? null]));
  const taken = new Set<string>();
  const found = new Map<AmdCard, string>();
  for (const card of cards) {
    const own = first.get(card) ?? null;
    const isAlone = own !== null && [...first.values()].filter((each) => each === own).length === 1;
    const place = card.bdf === null ? null : `GPU-pci-${card.bdf.toLowerCase().replace(/[:.]/g, '-')}`;
    const uuid = isAlone ? own : place !== null && isUuid(place) ? place : own;
    if (uuid === null || taken.has(uuid)) continue;
    taken.add(uuid);
    found.set(card, uuid);
  }
  return found;
}

/** "GPU-XX" is ROCr's word for none. */
function isUuid(text: string): boolean {
  return /^GPU-[0-9a-z-]{4,60}$/i.test(text) && !/^GPU-[0-]*$/.test(text);
}

/** The tool works, and there is nothing: no card, or none that the kernel's module serves. */
export function saysNoCards(output: string): boolean {
  return /Unable to detect any GPU devices|driver not initialized|No JSON data to report/i.test(output);
}

/** It does not know an argument, as older releases and those in a virtual machine do not. */
export function refuses(output: string): boolean {
  return /unrecognized arguments?|invalid choice|(?:command|parameter|argument) .* is invalid/i.test(output);
}

/** Why it failed, in one line. */
export function explainAmdFailure(tool: string, output: string, code: number | null): string {
  const line = output
    .split('\n')
    .map((each) => each.trim())
    .filter((each) => each !== '' && !/^usage:/i.test(each))
    .at(0);
  const told = line === undefined ? '' : `: ${line.slice(0, 200).replace(/\.$/, '')}`;
  return `${tool} failed${code === null || code === 0 ? '' : ` with exit status ${code}`}${told}`;
}
