/** Options of level SOL_SOCKET: values, limits, lengths. */
import { AF_INET, AF_INET6, POLL, SOCK_RAW } from '@netmem/uapi';
import type { Scenario } from '../scenario-run.ts';
import type { LimitName } from '../stack.ts';

const INT_MAX = 0x7fffffff;

/** Asks for about as much as the host's owner allows, and for more. */
function atMost(option: 'SO_RCVBUF' | 'SO_SNDBUF', limit: LimitName): Scenario {
  return {
    id: `${option}: at most ${limit}; negative is a lot`,
    run(t) {
      const most = t.stack.limit(limit);
      const x = t.tcp('client', 'x');
      for (const [shown, bytes] of [
        [`${limit} - 1`, most - 1],
        [limit, most],
        [`${limit} + 1`, most + 1],
        ['INT_MAX', INT_MAX],
        ['-1', -1],
      ] as const) {
        const stored = t.quietly(() => {
          x.set(option, bytes);
          return x.get(option);
        });
        t.note(`${option} of ${shown} is 2 * ${limit} and`, stored - 2 * most);
      }
    },
  };
}

export const SOCKET_OPTIONS: readonly Scenario[] = [
  {
    id: 'SO_RCVBUF: doubled, with a least value',
    run(t) {
      for (const x of [t.tcp('client', 'tcp'), t.udp('client', 'udp')]) {
        for (const bytes of [1000, 1151, 1152, 1153, 20_000, 100_000, 212_992]) {
          x.set('SO_RCVBUF', bytes);
          x.get('SO_RCVBUF');
        }
        x.set('SO_RCVBUF', 0);
        x.get('SO_RCVBUF');
      }
    },
  },
  atMost('SO_RCVBUF', 'rmem_max'),
  {
    id: 'SO_SNDBUF: doubled, with a least value',
    run(t) {
      for (const x of [t.tcp('client', 'tcp'), t.udp('client', 'udp')]) {
        for (const bytes of [1000, 2303, 2304, 2305, 20_000, 100_000, 212_992]) {
          x.set('SO_SNDBUF', bytes);
          x.get('SO_SNDBUF');
        }
        x.set('SO_SNDBUF', 0);
        x.get('SO_SNDBUF');
      }
    },
  },
  atMost('SO_SNDBUF', 'wmem_max'),
  {
    id: 'SO_RCVBUFFORCE and SO_SNDBUFFORCE: beyond the limits',
    run(t) {
      const x = t.tcp('client', 'x');
      for (const bytes of [10_000_000, INT_MAX, -5, 0]) {
        x.set('SO_RCVBUFFORCE', bytes);
        x.get('SO_RCVBUF');
        x.set('SO_SNDBUFFORCE', bytes);
        x.get('SO_SNDBUF');
      }
      x.get('SO_RCVBUFFORCE');
      x.get('SO_SNDBUFFORCE');
    },
  },
  {
    id: 'buffers: what a fresh socket has',
    run(t) {
      const tcp = t.tcp('client', 'tcp');
      const udp = t.udp('client', 'udp');
      for (const name of ['SO_RCVBUF', 'SO_SNDBUF', 'SO_RCVLOWAT'] as const) tcp.get(name);
      udp.get('SO_RCVLOWAT');
      const [rcvbuf, sndbuf] = t.quietly(() => [udp.get('SO_RCVBUF'), udp.get('SO_SNDBUF')]);
      t.note('SO_RCVBUF of UDP is rmem_default', rcvbuf === t.stack.limit('rmem_default'));
      t.note('SO_SNDBUF of UDP is wmem_default', sndbuf === t.stack.limit('wmem_default'));
    },
  },
  {
    id: 'SO_RCVLOWAT: limits',
    run(t) {
      const x = t.tcp('client', 'x');
      x.set('SO_RCVBUF', 50_000);
      for (const bytes of [0, 1, 1000, 50_000, 50_001, INT_MAX, -1]) {
        x.set('SO_RCVLOWAT', bytes);
        x.get('SO_RCVLOWAT');
        x.get('SO_RCVBUF');
      }
      const u = t.udp('client', 'u');
      u.set('SO_RCVLOWAT', 10);
      u.get('SO_RCVLOWAT');
    },
  },
  {
    id: 'booleans: anything but 0 is 1',
    run(t) {
      const x = t.tcp('client', 'x');
      for (const name of ['SO_REUSEADDR', 'SO_REUSEPORT', 'SO_KEEPALIVE', 'SO_OOBINLINE'] as const) {
        x.get(name);
        x.set(name, 1);
        x.get(name);
        x.set(name, 0);
        x.get(name);
        x.set(name, -7);
        x.get(name);
        x.set(name, 256);
        x.get(name);
      }
    },
  },
  {
    id: 'booleans: on UDP',
    run(t) {
      const u = t.udp('client', 'u');
      for (const name of ['SO_REUSEADDR', 'SO_REUSEPORT', 'SO_KEEPALIVE', 'SO_OOBINLINE'] as const) {
        u.set(name, 1);
        u.get(name);
      }
    },
  },
  {
    id: 'SO_BUSY_POLL, SO_PREFER_BUSY_POLL, SO_BUSY_POLL_BUDGET: limits',
    run(t) {
      for (const x of [t.tcp('client', 'tcp'), t.udp('client', 'udp')]) {
        for (const name of ['SO_BUSY_POLL', 'SO_PREFER_BUSY_POLL', 'SO_BUSY_POLL_BUDGET'] as const) {
          for (const value of [50, 0, -1, 65_535, 65_536, INT_MAX]) {
            x.set(name, value);
            x.get(name);
          }
        }
      }
    },
  },
  {
    id: 'options that are only read, or do not exist',
    run(t) {
      const x = t.tcp('client', 'x');
      for (const name of ['SO_TYPE', 'SO_PROTOCOL', 'SO_DOMAIN', 'SO_ERROR', 'SO_ACCEPTCONN'] as const) x.set(name, 1);
      for (const number of [22, 100, 255, -1]) {
        x.setRaw(1, number, 1, undefined, `SOL_SOCKET ${number}`);
        x.getRaw(1, number, 4, {}, `SOL_SOCKET ${number}`);
      }
      for (const level of [2, 6, 17, 58, 255, 1000]) {
        x.setRaw(level, 199, 1, undefined, `level ${level}, 199`);
        x.getRaw(level, 199, 4, {}, `level ${level}, 199`);
      }
    },
  },
  {
    id: 'options of levels that a socket does not have',
    run(t) {
      for (const family of [AF_INET, AF_INET6]) {
        for (const x of [t.tcp('client', 'tcp', family), t.udp('client', 'udp', family)]) {
          for (const level of [0, 6, 17, 41, 255]) {
            x.setRaw(level, 199, 1, undefined, `level ${level}, 199`);
            x.getRaw(level, 199, 4, {}, `level ${level}, 199`);
          }
        }
      }
    },
  },
  {
    id: 'SO_LINGER: on, off, odd values and lengths',
    run(t) {
      const x = t.tcp('client', 'x');
      x.get('SO_LINGER', 8);
      x.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 5, 0, 0, 0));
      x.get('SO_LINGER', 8);
      x.get('SO_LINGER', 4);
      x.get('SO_LINGER', 6);
      x.get('SO_LINGER', 12);
      x.set('SO_LINGER', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0));
      x.get('SO_LINGER', 8);
      x.set('SO_LINGER', Uint8Array.of(0, 0, 0, 0, 9, 0, 0, 0));
      x.get('SO_LINGER', 8);
      x.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0), 4);
      x.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 1, 0, 0), 7);
      x.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0, 9, 9), 10);
      x.set('SO_LINGER', null, 8);
      t.udp('client', 'u').set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 5, 0, 0, 0));
    },
  },
  {
    id: 'setsockopt: lengths and NULL, in the order they are looked at',
    run(t) {
      const x = t.tcp('client', 'x');
      for (const length of [0, 1, 3, 4, 5, 8, 100]) x.set('SO_REUSEADDR', Uint8Array.of(1), length);
      for (const length of [0, 3, 4, 8]) x.set('SO_REUSEADDR', null, length);
      x.set('SO_REUSEADDR', 1, -1);
      x.set('SO_REUSEADDR', 1, -0x80000000);
      x.set('SO_REUSEADDR', null, -1);
      x.set('SO_TYPE', null, 4);
      x.set('SO_TYPE', Uint8Array.of(1), 1);
      x.setRaw(1, 255, null, 4, 'SOL_SOCKET 255');
      x.setRaw(1, 255, Uint8Array.of(1), 1, 'SOL_SOCKET 255');
    },
  },
  {
    id: 'setsockopt: lengths and NULL at level TCP',
    run(t) {
      const x = t.tcp('client', 'x');
      for (const length of [0, 1, 3, 4, 5, 8, 100]) x.set('TCP_NODELAY', Uint8Array.of(1), length);
      for (const length of [0, 3, 4, 8]) x.set('TCP_NODELAY', null, length);
      x.set('TCP_NODELAY', 1, -1);
      x.setRaw(6, 200, null, 4, 'TCP 200');
      x.setRaw(6, 200, Uint8Array.of(1), 1, 'TCP 200');
      t.udp('client', 'u').set('TCP_NODELAY', 1);
      t.udp('client', 'u').get('TCP_NODELAY');
    },
  },
  {
    id: 'getsockopt: room for less or more than there is',
    run(t) {
      const x = t.tcp('client', 'x');
      x.set('SO_RCVBUF', 0x12345);
      for (const room of [0, 1, 2, 3, 4, 5, 8, 100]) x.get('SO_RCVBUF', room);
      x.set('TCP_USER_TIMEOUT', 0x01020304);
      for (const room of [0, 1, 3, 4, 5, 100]) x.get('TCP_USER_TIMEOUT', room);
      for (const room of [0, 1, 2, 4, 8]) x.get('IP_TTL', room);
    },
  },
  {
    id: 'SO_ERROR: cleared by being read, with room for nothing too',
    run(t) {
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.get('SO_ERROR', 0);
      c.get('SO_ERROR');
      c.poll();
      const d = t.tcp('client', 'd');
      d.connect(t.at('server'));
      d.until(POLL.OUT);
      d.get('SO_ERROR', 2);
      d.get('SO_ERROR');
    },
  },
  {
    id: 'SO_ACCEPTCONN: only while listening',
    run(t) {
      const { client, server, listener } = t.connected();
      for (const x of [client, server, listener]) x.get('SO_ACCEPTCONN');
      listener.shutdown(0);
      listener.get('SO_ACCEPTCONN');
    },
  },
  {
    id: 'options of a raw socket',
    run(t) {
      const x = t.socket('client', 'x', AF_INET, SOCK_RAW, 17);
      for (const name of ['SO_REUSEADDR', 'SO_KEEPALIVE', 'SO_RCVBUF', 'SO_RCVLOWAT'] as const) {
        x.set(name, 3000);
        x.get(name);
      }
      x.set('TCP_NODELAY', 1);
      x.close();
    },
  },
  {
    id: 'options that other programs set',
    run(t) {
      const x = t.tcp('client', 'x');
      for (const name of ['SO_DEBUG', 'SO_DONTROUTE', 'SO_BROADCAST', 'SO_SNDLOWAT', 'SO_INCOMING_CPU'] as const) {
        x.get(name);
        x.set(name, 1);
      }
      for (const name of ['SO_RCVTIMEO', 'SO_SNDTIMEO'] as const) x.get(name, 16);
      x.get('SO_BINDTODEVICE', 16);
      for (const name of ['IP_MTU_DISCOVER', 'IP_RECVERR', 'IP_MTU'] as const) x.get(name);
    },
  },
  {
    id: 'SO_ZEROCOPY: which sockets, which values',
    run(t) {
      for (const x of [t.tcp('client', 'tcp'), t.udp('client', 'udp')]) {
        x.get('SO_ZEROCOPY');
        x.set('SO_ZEROCOPY', 2);
        x.set('SO_ZEROCOPY', -1);
        x.set('SO_ZEROCOPY', 1);
        x.get('SO_ZEROCOPY');
        x.set('SO_ZEROCOPY', 0);
        x.get('SO_ZEROCOPY');
      }
      t.socket('client', 'raw', AF_INET, SOCK_RAW, 17).set('SO_ZEROCOPY', 1);
    },
  },
];
