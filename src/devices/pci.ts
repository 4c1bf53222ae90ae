/** PCI addresses, which every tool writes in a way of its own. */

/**
 * "0000:65:00", as NVIDIA's driver writes it in the kernel's log: without the function, which no two GPUs share, and with four digits of the domain
 * where it has no more. Null where the text is no address.
 */
export function pciAddress(text: string): string | null {
  const [, domain = '0000', bus, device] =
    /^(?:PCI:)?(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})(?:\.[0-7])?$/i.exec(text.trim()) ?? [];
  if (bus === undefined || device === undefined) return null;
  return `${domain.replace(/^0+(?=.{4}$)/, '')}:${bus}:${device}`.toLowerCase();
}
