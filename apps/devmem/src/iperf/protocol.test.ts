import { describe, expect, it } from 'vitest';
import { formatResults, frameText, parseParameters, parseResults, serverErrorBytes } from './protocol.ts';

describe('parseParameters', () => {
  it.each([
    ['{"tcp":true,"omit":0,"time":10,"parallel":4,"len":131072}', { parallel: 4, omit: 0, refused: null }],
    ['{"tcp":true,"omit":3}', { parallel: 1, omit: 3, refused: null }],
    ['{"parallel":-5,"omit":"many"}', { parallel: 1, omit: 0, refused: null }],
  ])('understands %s', (text, parameters) => expect(parseParameters(text, 64)).toEqual(parameters));

  it.each([
    ['{"udp":true}', /^-u /],
    ['{"sctp":true}', /^--sctp/],
    ['{"tcp":true,"reverse":true}', /^-R /],
    ['{"tcp":true,"bidirectional":true}', /^--bidir /],
    ['{"tcp":true,"parallel":65}', /^-P 65 .*64/],
  ])('refuses %s by name', (text, refused) => expect(parseParameters(text, 64)?.refused).toMatch(refused));

  it.each(['', '{', 'null', '7', '"text"'])('takes %j for none', (text) => {
    expect(parseParameters(text, 64)).toBe(null);
    expect(parseResults(text)).toBe(null);
  });
});

describe('results', () => {
  it('are read as they are written', () => {
    const text = formatResults(
      [
        { id: 1, bytes: 10 },
        { id: 3, bytes: 20 },
      ],
      2,
      { user: 0.25, system: 0.5 },
    );
    expect(parseResults(text)).toEqual({
      cpuPercent: 75,
      streams: [
        { id: 1, bytes: 10 },
        { id: 3, bytes: 20 },
      ],
    });
  });

  it('need not be complete', () => {
    expect(parseResults('{"streams":[{"id":1},null,{"bytes":-2}]}')).toEqual({
      cpuPercent: 0,
      streams: [
        { id: 1, bytes: 0 },
        { id: 0, bytes: 0 },
        { id: 0, bytes: 0 },
      ],
    });
    expect(parseResults('{"streams":7}')).toBe(null);
  });
});

describe('on the wire', () => {
  it('a text has its length before it, big-endian', () => {
    expect([...frameText('{"ä":1}')]).toEqual([0, 0, 0, 8, ...new TextEncoder().encode('{"ä":1}')]);
  });

  it('a server error is a state and two numbers', () => {
    expect([...serverErrorBytes(13)]).toEqual([0xfe, 0, 0, 0, 13, 0, 0, 0, 0]);
  });
});
