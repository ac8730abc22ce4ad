import type { DeviceSession } from './device-session.ts';
import {
  DMA_MAPS_MAX,
  MESSAGE_FDS_MAX,
  PAGE_BYTES,
  REGION_ACCESS_BYTES_MAX,
  VERSION_MAJOR,
  VERSION_MESSAGE,
  VERSION_MINOR,
} from './protocol.ts';
import type { Request } from './request.ts';
import { EINVAL } from './vfio-user-error.ts';

/** What a client takes when it does not say. */
const TRANSFER_BYTES_DEFAULT = 1 << 20;

const OURS: Uint8Array = new TextEncoder().encode(
  `${JSON.stringify({
    capabilities: {
      max_msg_fds: MESSAGE_FDS_MAX,
      max_data_xfer_size: REGION_ACCESS_BYTES_MAX,
      max_dma_maps: DMA_MAPS_MAX,
      pgsizes: PAGE_BYTES,
      write_multiple: true,
    },
  })}\0`,
);

/**
 * VERSION. EINVAL: another major version, capabilities that are no JSON, a transfer limit under which an MSI-X table cannot
 * be read, or versions were agreed on before.
 */
export function agreeOnVersion(session: DeviceSession, request: Request): number {
  const { view, at, length } = request;
  if (session.negotiated || length < VERSION_MESSAGE.json) return EINVAL;
  if (view.getUint16(at + VERSION_MESSAGE.major, true) !== VERSION_MAJOR) return EINVAL;
  const transfer = transferMax(request);
  const { msixVectors } = session.device.function.pci;
  if (transfer < 16 * msixVectors) return EINVAL;
  session.negotiated = true;
  session.guestTransferMax = transfer;
  const reply = session.reply(request, VERSION_MESSAGE.json + OURS.length);
  if (reply < 0) return 0;
  const { writer } = session;
  writer.view.setUint16(reply + VERSION_MESSAGE.major, VERSION_MAJOR, true);
  writer.view.setUint16(reply + VERSION_MESSAGE.minor, VERSION_MINOR, true);
  writer.bytes.set(OURS, reply + VERSION_MESSAGE.json);
  return 0;
}

/** The client's max_data_xfer_size, or -1 when what it sent are no capabilities. */
function transferMax({ bytes, at, length }: Request): number {
  const start = at + VERSION_MESSAGE.json;
  let end = bytes.indexOf(0, start);
  if (end < 0 || end > at + length) end = at + length;
  if (end === start) return TRANSFER_BYTES_DEFAULT;
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end)));
  } catch {
    return -1;
  }
  if (typeof parsed !== 'object' || parsed === null) return -1;
  const { capabilities = {} } = parsed as { capabilities?: unknown };
  if (typeof capabilities !== 'object' || capabilities === null) return -1;
  const { max_data_xfer_size: max = TRANSFER_BYTES_DEFAULT } = capabilities as { max_data_xfer_size?: unknown };
  return typeof max === 'number' ? max : -1;
}
