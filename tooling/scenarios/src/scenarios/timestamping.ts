/** SO_TIMESTAMPING: what can be asked for, and what comes with the bytes. No device here has a clock of its own, so stamps are the host's. */
import { AF_UNIX, MSG_PEEK, SOCK_STREAM, SOF_TIMESTAMPING } from '@netmem/uapi';
import { PORT, type Scenario } from '../scenario-run.ts';

const {
  RX_SOFTWARE,
  SOFTWARE,
  RX_HARDWARE,
  RAW_HARDWARE,
  OPT_ID,
  OPT_ID_TCP,
  OPT_STATS,
  OPT_TSONLY,
  OPT_RX_FILTER,
  BIND_PHC,
} = SOF_TIMESTAMPING;
/** Room for one message, and for one and a little. */
const ONE = 64;

const ints = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

export const TIMESTAMPING: readonly Scenario[] = [
  {
    id: 'SO_TIMESTAMPING: what goes together',
    run(t) {
      for (const x of [t.tcp('client', 'tcp'), t.udp('client', 'udp')]) {
        for (const flags of [
          RX_SOFTWARE | SOFTWARE,
          RX_HARDWARE | RAW_HARDWARE,
          0x8000_0000 | 0,
          0x20_0000,
          OPT_ID_TCP,
          OPT_ID,
          OPT_ID | OPT_ID_TCP,
          OPT_STATS,
          OPT_STATS | OPT_TSONLY,
          BIND_PHC,
          0,
        ]) {
          x.set('SO_TIMESTAMPING', flags);
          x.get('SO_TIMESTAMPING', 8);
        }
      }
    },
  },
  {
    id: 'SO_TIMESTAMPING: a key needs a connection',
    run(t) {
      const { server, client, listener } = t.connected();
      for (const x of [server, client, listener]) x.set('SO_TIMESTAMPING', OPT_ID | SOFTWARE);
    },
  },
  {
    id: 'SO_TIMESTAMPING: lengths, and the other name',
    run(t) {
      const x = t.tcp('client', 'x');
      x.set('SO_TIMESTAMPING', ints(SOFTWARE), 3);
      x.set('SO_TIMESTAMPING', ints(SOFTWARE, 0));
      x.set('SO_TIMESTAMPING', ints(RX_SOFTWARE, 7, 9));
      x.set('SO_TIMESTAMPING', null, 4);
      for (const room of [0, 4, 6, 8, 12]) x.get('SO_TIMESTAMPING', room);
      x.get('SO_TIMESTAMPING_NEW', 8);
      x.set('SO_TIMESTAMPING_NEW', SOFTWARE);
      x.get('SO_TIMESTAMPING', 8);
      x.get('SO_TIMESTAMPING_NEW', 8);
    },
  },
  {
    id: 'SO_TIMESTAMPING: a UNIX socket keeps it',
    run(t) {
      const x = t.socket('client', 'x', AF_UNIX, SOCK_STREAM);
      x.set('SO_TIMESTAMPING', SOFTWARE | RX_SOFTWARE);
      x.get('SO_TIMESTAMPING', 8);
      x.set('SO_TIMESTAMPING', 0x20_0000);
    },
  },
  {
    id: 'SCM_TIMESTAMPING: over TCP, peeked and read',
    run(t) {
      const { server, client } = t.connected();
      server.set('SO_TIMESTAMPING', SOFTWARE | RX_SOFTWARE);
      client.send('abcdef');
      server.until();
      server.recvmsg({ iov: [3], control: ONE }, MSG_PEEK);
      server.recvmsg({ iov: [3], control: ONE });
      server.recvmsg({ iov: [1], control: 0 });
      server.recvmsg({ iov: [1], control: 20 });
      server.recvmsg({ iov: [1], control: 48 });
      server.recvmsg({ iov: [1], control: ONE });
      server.set('SO_TIMESTAMPING', 0);
      client.send('g');
      server.until();
      server.recvmsg({ iov: [1], control: ONE });
    },
  },
  {
    id: 'SCM_TIMESTAMPING: who asks to see, but not to stamp; and the other way about',
    run(t) {
      const { server, client } = t.connected();
      for (const flags of [RX_SOFTWARE, RAW_HARDWARE | RX_HARDWARE, SOFTWARE | RX_SOFTWARE | OPT_RX_FILTER]) {
        server.set('SO_TIMESTAMPING', flags);
        client.send('a');
        server.until();
        server.recvmsg({ iov: [4], control: ONE });
      }
    },
  },
  {
    id: 'SCM_TIMESTAMPING: a child asks for what its listener did, and TCP_INQ comes behind',
    run(t) {
      const { server, client } = t.connected({
        tune: (_c, l) => l.set('SO_TIMESTAMPING_NEW', SOFTWARE | RX_SOFTWARE),
      });
      server.get('SO_TIMESTAMPING_NEW', 8);
      server.set('TCP_INQ', 1);
      client.send('abc');
      server.until();
      server.recvmsg({ iov: [2], control: 128 });
    },
  },
  {
    id: 'SCM_TIMESTAMPING: over UDP',
    run(t) {
      const server = t.udp('server', 's');
      const client = t.udp('client', 'c');
      server.bind(t.at('server', PORT));
      server.set('SO_TIMESTAMPING', SOFTWARE | RX_SOFTWARE);
      client.sendTo(t.at('server', PORT), 'abc');
      server.until();
      server.recvmsg({ iov: [8], control: ONE }, MSG_PEEK);
      server.recvmsg({ iov: [8], control: 30 });
    },
  },
];
