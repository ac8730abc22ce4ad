import type { FrameSlots } from '@netmem/link';
import { composeFrame, decodeFrame } from '@netmem/wire';

const ETHERTYPE_AT = 12;
const ETHERTYPE_ARP = 0x0806;
const ARP_REPLY = 2;

/** Whether the frame is for ARP. */
export function isArp(slots: FrameSlots, slot: number): boolean {
  return slots.region.view.getUint16(slots.address(slot) + ETHERTYPE_AT) === ETHERTYPE_ARP;
}

/** A slot with the answer to an ARP request, or 0. The sender has every address that is asked for. */
export function arpAnswer(slots: FrameSlots, slot: number, mac: string): number {
  const request = decodeFrame(slots.copyOf(slot))?.arp;
  if (request === undefined) return 0;
  const { senderMac, senderAddress, targetAddress } = request;
  const arp = { operation: ARP_REPLY, senderMac: mac, senderAddress: targetAddress, targetMac: senderMac };
  return slots.store(
    composeFrame({
      ethernet: { source: mac, destination: senderMac },
      arp: { ...arp, targetAddress: senderAddress },
    }),
  );
}
