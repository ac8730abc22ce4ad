/** `recvmsg` and `sendmsg` on streams: flags, lengths, regions. */
import {
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SHUT_WR,
  UIO_MAXIOV,
} from '@netmem/uapi';
import type { Scenario } from '../scenario-run.ts';
import { payload } from '../transcript.ts';

export const RECEIVING: readonly Scenario[] = [
  {
    id: 'recv: a stream has no boundaries',
    run(t) {
      const { client, server } = t.connected();
      client.send('abc');
      client.send('defg');
      client.send('hi');
      server.recv(2);
      server.recv(4);
      server.recv(100);
      server.recv(100);
    },
  },
  {
    id: 'recv: MSG_PEEK twice, in part, past a boundary, then read',
    run(t) {
      const { client, server } = t.connected();
      server.recv(1, MSG_PEEK);
      client.send('abcdef');
      client.send('ghij');
      server.recv(3, MSG_PEEK);
      server.recv(3, MSG_PEEK);
      server.recv(100, MSG_PEEK);
      server.poll();
      server.recv(4);
      server.recv(100, MSG_PEEK);
      client.shutdown(SHUT_WR);
      server.recv(100, MSG_PEEK);
      server.recv(100);
      server.recv(100, MSG_PEEK);
      server.recv(100, MSG_PEEK);
      server.recv(100);
    },
  },
  {
    id: 'recv: MSG_TRUNC throws away without copying',
    run(t) {
      const { client, server } = t.connected();
      client.send('abcdefghij');
      server.recv(4, MSG_TRUNC);
      server.recvmsg({ iov: [3] }, MSG_TRUNC | MSG_PEEK);
      server.recvmsg({ iov: [2, 2] }, MSG_TRUNC);
      server.recv(100);
      server.recv(4, MSG_TRUNC);
    },
  },
  {
    id: 'recv: MSG_WAITALL on a socket that does not wait',
    run(t) {
      const { client, server } = t.connected();
      server.recv(5, MSG_WAITALL);
      client.send('abc');
      server.recv(5, MSG_WAITALL);
      client.send('defghij');
      server.recv(5, MSG_WAITALL);
      server.recv(5, MSG_WAITALL | MSG_PEEK);
      client.shutdown(SHUT_WR);
      server.recv(5, MSG_WAITALL);
      server.recv(5, MSG_WAITALL);
    },
  },
  {
    id: 'recv: nothing asked for',
    run(t) {
      const { client, server } = t.connected();
      server.recv(0);
      server.recvmsg({ iov: [] });
      server.recvmsg({ iov: [0, 0] });
      client.send('abc');
      server.recv(0);
      server.recv(0, MSG_PEEK);
      server.recv(0, MSG_TRUNC);
      server.recv(10);
      client.close();
      server.recv(0);
      server.recv(1);
    },
  },
  {
    id: 'recv: several regions, empty ones among them',
    run(t) {
      const { client, server } = t.connected();
      client.send('abcdefghijklmnop');
      server.recvmsg({ iov: [3, 0, 2, 1] });
      server.recvmsg({ iov: [1, 1, 1], name: true, control: 64 });
      server.recvmsg({ iov: [0, 100] }, MSG_PEEK);
      server.recvmsg({ iov: [4, 100] });
    },
  },
  {
    id: 'recv: as many regions as may be, and one more',
    run(t) {
      const { client, server } = t.connected();
      client.send(payload(1500));
      server.recvmsg({ iov: new Array(UIO_MAXIOV).fill(1) });
      server.recvmsg({ iov: new Array(UIO_MAXIOV + 1).fill(1) });
      server.recv(1000);
      const one = new Uint8Array(1);
      client.sendmsg({ iov: new Array(UIO_MAXIOV).fill(one) }, 0, '1024 regions');
      client.sendmsg({ iov: new Array(UIO_MAXIOV + 1).fill(one) }, 0, '1025 regions');
      server.recv(2000);
    },
  },
  {
    id: 'recv: flags that change nothing',
    run(t) {
      const { client, server } = t.connected();
      client.send('abcdef', MSG_NOSIGNAL | MSG_DONTWAIT | MSG_EOR);
      server.recvmsg({ iov: [2] }, MSG_DONTWAIT);
      server.recvmsg({ iov: [2] }, MSG_NOSIGNAL);
      server.recv(2);
      server.recv(1, MSG_DONTWAIT);
    },
  },
  {
    id: 'recv: MSG_CMSG_CLOEXEC comes back in the flags',
    run(t) {
      const { client, server } = t.connected();
      client.send('abcdef');
      server.recvmsg({ iov: [2] }, 0x40000000);
      server.recvmsg({ iov: [2], control: 64 }, 0x40000000 | MSG_PEEK);
      const { client: c, server: s } = t.datagramPair();
      c.sendTo(t.at('server'), 'datagram');
      s.recvmsg({ iov: [2] }, 0x40000000);
    },
  },
  {
    id: 'recv: the error queue of a stream is empty',
    run(t) {
      const { client, server } = t.connected();
      client.send('abc');
      server.recvmsg({ iov: [10], control: 100 }, MSG_ERRQUEUE);
      server.recvmsg({ iov: [10] }, MSG_ERRQUEUE | MSG_PEEK);
      server.recv(10);
      t.tcp('client', 'x').recv(1, MSG_ERRQUEUE);
    },
  },
  {
    id: 'send: nothing',
    run(t) {
      const { client, server } = t.connected();
      client.send('');
      client.sendmsg({ iov: [] }, 0, 'no region');
      client.sendmsg({ iov: [new Uint8Array(0), new Uint8Array(0)] }, 0, 'two empty regions');
      server.poll();
      client.shutdown(SHUT_WR);
      client.send('');
      server.close();
      client.send('');
    },
  },
  {
    id: 'send: several regions',
    run(t) {
      const { client, server } = t.connected();
      const iov = ['abc', '', 'defg', 'h'].map(payload);
      client.sendmsg({ iov }, 0, '"abc", "", "defg", "h"');
      client.sendmsg({ iov: [payload('ij'), new Uint8Array(0)] }, 0, '"ij", ""');
      server.recv(100);
    },
  },
  {
    id: 'send: with an address on a connected stream',
    run(t) {
      const { client, server } = t.connected();
      client.sendTo(t.at('server', 1), 'abc');
      server.recv(100);
      const c = t.tcp('client', 'fresh');
      c.sendTo(t.at('server'), 'abc');
    },
  },
  {
    id: 'send: MSG_MORE holds a small piece back until the next',
    run(t) {
      const { client, server } = t.connected();
      client.send('abc', MSG_MORE);
      server.recv(10);
      client.send('def', MSG_MORE);
      server.recv(10);
      client.send('ghi');
      server.recv(10);
    },
  },
  {
    id: 'send: TCP_CORK holds a small piece back until it is off',
    run(t) {
      const { client, server } = t.connected();
      client.set('TCP_CORK', 1);
      client.send('abc');
      server.recv(10);
      client.get('TCP_CORK');
      client.set('TCP_CORK', 0);
      server.recv(10);
      client.set('TCP_CORK', 1);
      client.send('def');
      client.shutdown(SHUT_WR);
      server.recv(10);
      server.recv(10);
    },
  },
  {
    id: 'send: TCP_NODELAY lets go what MSG_MORE held, TCP_CORK does not let go',
    run(t) {
      const { client, server } = t.connected();
      client.send('abc', MSG_MORE);
      server.recv(10);
      client.set('TCP_NODELAY', 1);
      server.recv(10);
      client.set('TCP_CORK', 1);
      client.send('def');
      server.recv(10);
      client.set('TCP_NODELAY', 1);
      server.recv(10);
    },
  },
  {
    id: 'send: Nagle: the second small piece goes when the first is acknowledged',
    run(t) {
      const { client, server } = t.connected();
      client.send('a');
      server.recv(10);
      server.send('x');
      client.recv(10);
      client.send('b');
      client.send('c');
      server.until();
      server.drain(2);
    },
  },
  {
    id: 'send: until the buffers are full, and all of it arrives',
    run(t) {
      const { client, server } = t.connected();
      const sent = client.fill();
      client.poll();
      client.send('a');
      const got = server.drain(sent);
      t.note('all arrived', got === sent);
      client.until(4);
      client.poll();
      client.send('and on');
      server.recv(20);
    },
  },
  {
    id: 'recv: 200,000 bytes keep their order',
    run(t) {
      const { client, server } = t.connected();
      const data = payload(200_000);
      let sent = 0;
      let same = true;
      const calls = t.stack.host('server');
      let got = 0;
      for (let turn = 0; turn < 1000 && got < data.length; turn++) {
        if (sent < data.length) {
          const n = t.stack.host('client').sendmsg(client.fd, { iov: [data.subarray(sent)] }, 0);
          if (n > 0) sent += n;
        }
        t.stack.settle();
        const message = calls.recvmsg(server.fd, { iov: [7000, 30_000] }, 0);
        if (message.result <= 0) {
          t.stack.until('server', server.fd, 1);
          continue;
        }
        const bytes = new Uint8Array(37_000);
        bytes.set(message.iov[0] as Uint8Array);
        bytes.set(message.iov[1] as Uint8Array, 7000);
        for (let i = 0; i < message.result; i++) same &&= bytes[i] === data[got + i];
        got += message.result;
      }
      t.note('bytes', got);
      t.note('same', same);
    },
  },
  {
    id: 'recv: MSG_OOB when there is nothing urgent',
    run(t) {
      const { client, server } = t.connected();
      server.recv(1, MSG_OOB);
      client.send('abc');
      server.recv(1, MSG_OOB);
      client.close();
      server.recv(1, MSG_OOB);
      t.tcp('client', 'x').recv(1, MSG_OOB);
    },
  },
];
