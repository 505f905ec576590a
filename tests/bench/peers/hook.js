'use strict';
// hook.js SOCKET: the receiver in node: verify, store durably, answer.
const crypto = require('crypto');
const fs = require('fs').promises;
const http = require('http');

const spool = process.env.SPOOL;
const secret = process.env.SECRET;
let directory;

async function store(body) {
  const name = crypto.randomBytes(16).toString('hex');
  const file = await fs.open(`${spool}/tmp/${name}`, 'wx', 0o600);
  try {
    await file.writeFile(body);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(`${spool}/tmp/${name}`, `${spool}/new/${name}`);
  directory = directory || await fs.open(`${spool}/new`, 'r');
  await directory.sync();
}

function isSigned(body, given) {
  const want = crypto.createHmac('sha256', secret).update(body).digest();
  const have = Buffer.from(given || '', 'hex');
  return have.length === want.length && crypto.timingSafeEqual(have, want);
}

async function status(body, headers) {
  if (!isSigned(body, headers['x-cal-signature-256'])) return 401;
  try {
    await store(body);
    return 200;
  } catch (error) {
    console.error(error);
    return 503;
  }
}

http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    response.writeHead(await status(Buffer.concat(parts), request.headers));
    response.end('ok\n');
  });
}).listen(process.argv[2], 511);
