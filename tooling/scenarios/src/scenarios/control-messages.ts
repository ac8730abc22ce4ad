/** Control messages of `sendmsg`: well formed or not, known or not. */
import { CMSG_HEADER_BYTES, CMSGHDR, cmsgSpace, IPPROTO, SOL_SOCKET, writeCmsgHeader } from '@netmem/uapi';
import type { Scenario } from '../scenario-run.ts';
import { payload } from '../transcript.ts';

/** One control message. @param length - What its header says instead of the truth. */
export function controlMessage(level: number, type: number, data: Uint8Array, length?: number): Uint8Array {
  const bytes = new Uint8Array(cmsgSpace(data.length));
  const view = new DataView(bytes.buffer);
  writeCmsgHeader(view, 0, level, type, data.length);
  if (length !== undefined) view.setUint32(CMSGHDR.len, length, true);
  bytes.set(data, CMSG_HEADER_BYTES);
  return bytes;
}

const INT = Uint8Array.of(1, 0, 0, 0);

export const CONTROL_MESSAGES: readonly Scenario[] = [
  {
    id: 'cmsg: malformed ones on a stream',
    run(t) {
      const { client, server } = t.connected();
      const send = (control: Uint8Array, shown: string): number =>
        client.sendmsg({ iov: [payload('abc')], control }, 0, shown);
      send(new Uint8Array(0), 'no bytes');
      send(new Uint8Array(15), '15 bytes of 0');
      send(new Uint8Array(16), 'a header of 0');
      send(controlMessage(SOL_SOCKET, 79, INT, 15), 'length 15');
      send(controlMessage(SOL_SOCKET, 79, INT, 25), 'length beyond the buffer');
      send(controlMessage(SOL_SOCKET, 79, INT, 0xffffffff), 'length without end');
      server.drain();
    },
  },
  {
    id: 'cmsg: types that are not known, levels that are not TCP’s',
    run(t) {
      const { client, server } = t.connected();
      const send = (level: number, type: number): number =>
        client.sendmsg({ iov: [payload('abc')], control: controlMessage(level, type, INT) }, 0, `${level}/${type}`);
      send(SOL_SOCKET, 0);
      send(SOL_SOCKET, 100);
      send(SOL_SOCKET, 1);
      send(SOL_SOCKET, 2);
      send(IPPROTO.IP, 1);
      send(IPPROTO.TCP, 36);
      send(1000, 1);
      server.drain();
    },
  },
  {
    id: 'cmsg: a good one and a bad one behind it',
    run(t) {
      const { client, server } = t.connected();
      const ignored = controlMessage(1000, 1, INT);
      const bad = controlMessage(SOL_SOCKET, 100, INT);
      const both = new Uint8Array(ignored.length + bad.length);
      both.set(ignored);
      both.set(bad, ignored.length);
      client.sendmsg({ iov: [payload('abc')], control: both }, 0, 'ignored, bad');
      const tail = new Uint8Array(ignored.length + 8);
      tail.set(ignored);
      client.sendmsg({ iov: [payload('abc')], control: tail }, 0, 'ignored, 8 bytes of 0');
      const header = new Uint8Array(ignored.length + 16);
      header.set(ignored);
      client.sendmsg({ iov: [payload('abc')], control: header }, 0, 'ignored, a header of 0');
      server.drain();
    },
  },
  {
    id: 'cmsg: on UDP',
    run(t) {
      const { client, server } = t.datagramPair();
      client.connect(t.at('server'));
      const send = (control: Uint8Array, shown: string): number =>
        client.sendmsg({ iov: [payload('abc')], control }, 0, shown);
      send(controlMessage(SOL_SOCKET, 100, INT), '1/100');
      send(controlMessage(SOL_SOCKET, 79, INT), '1/79');
      send(controlMessage(SOL_SOCKET, 79, Uint8Array.of(1, 0)), '1/79 of 2 bytes');
      send(controlMessage(1000, 1, INT), '1000/1');
      send(controlMessage(SOL_SOCKET, 79, INT, 15), 'length 15');
      server.poll();
    },
  },
  {
    id: 'cmsg: looked at before or after the connection',
    run(t) {
      const bad = controlMessage(SOL_SOCKET, 100, INT);
      const dmabuf = controlMessage(SOL_SOCKET, 79, INT);
      const fresh = t.tcp('client', 'fresh');
      fresh.sendmsg({ iov: [payload('abc')], control: bad }, 0, '1/100');
      fresh.sendmsg({ iov: [payload('abc')], control: dmabuf }, 0, 'dmabuf 1');
      const { client, server } = t.connected();
      client.sendmsg({ iov: [], control: bad }, 0, '1/100, no region');
      client.sendmsg({ iov: [], control: dmabuf }, 0, 'dmabuf 1, no region');
      client.shutdown(1);
      client.sendmsg({ iov: [payload('abc')], control: bad }, 0, '1/100');
      client.sendmsg({ iov: [payload('abc')], control: dmabuf }, 0, 'dmabuf 1');
      server.sendmsg({ iov: [payload('abc')], control: bad }, 0, '1/100');
      server.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
      server.close();
      client.sendmsg({ iov: [payload('abc')], control: bad }, 0, '1/100');
      client.sendmsg({ iov: [payload('abc')], control: dmabuf }, 0, 'dmabuf 1');
      client.send('abc');
    },
  },
  {
    id: 'cmsg: while a connect is under way',
    run(t) {
      const bad = controlMessage(SOL_SOCKET, 100, INT);
      t.listener(0);
      t.quietly(() => t.tcp('client', 'c1').connect(t.at('server')));
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.sendmsg({ iov: [payload('abc')], control: bad }, 0, '1/100');
      c.sendmsg({ iov: [payload('abc')], control: controlMessage(SOL_SOCKET, 79, INT) }, 0, 'dmabuf 1');
      const refused = t.tcp('client', 'refused');
      refused.connect(t.at('server', 7001));
      refused.sendmsg({ iov: [payload('abc')], control: bad }, 0, '1/100');
      refused.sendmsg({ iov: [payload('abc')], control: bad }, 0, '1/100');
    },
  },
];
