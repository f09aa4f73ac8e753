// The HTTP side of the fake: connections, replies, streams, and the faults that are put between.
//
// Every request gets one reply, or its connection is cut on purpose.
import http from 'node:http';
import https from 'node:https';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Api, errorReply } from './api.mjs';
import { control } from './control.mjs';
import { statusFault } from './faults.mjs';

export class HttpServer {
  #sockets = new Set();
  #driving = new WeakSet();
  requests = {}; // "verb resource" -> how many
  answers = {}; // status -> how many

  // `tls`: {key, cert} or undefined.
  constructor(cluster, tls) {
    this.cluster = cluster;
    const onRequest = (request, response) => void this.#onRequest(request, response);
    this.server = tls ? https.createServer(tls, onRequest) : http.createServer(onRequest);
    this.server.keepAliveTimeout = 60_000;
    this.server.requestTimeout = 0;
    this.server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(port, address) {
    await new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, address, resolve);
    });
    return this.server.address().port;
  }

  // Cuts all connections but those over which the fake is being driven.
  cutClients() {
    for (const socket of this.#sockets) if (!this.#driving.has(socket)) socket.destroy();
  }

  async close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #onRequest(request, response) {
    request.on('error', () => {});
    response.on('error', () => {});
    if (request.url.startsWith('/fake/')) {
      this.#driving.add(request.socket);
      this.#send(response, await control(this.cluster, request));
      return;
    }
    this.#driving.delete(request.socket);
    if (this.cluster.faults.away) {
      request.socket.destroy();
      return;
    }
    let reply;
    let fault = {};
    try {
      const asked = Api.ask(request);
      const what = `${asked.verb ?? request.method} ${asked.resource?.plural ?? asked.path}`
        + `${asked.subresource ? `/${asked.subresource}` : ''}`;
      this.requests[what] = (this.requests[what] ?? 0) + 1;
      fault = this.cluster.faults.meet(asked) ?? {};
      reply = await this.#replyThrough(request, asked, fault);
    } catch (error) {
      reply = errorReply(error);
    }
    if (!reply || fault.drop === 'after') {
      request.socket.destroy();
      return;
    }
    this.#finish(request, response, { reply, fault });
  }

  // The reply of the API unless a fault is in the way; undefined: cut the connection.
  async #replyThrough(request, asked, fault) {
    if (fault.drop === 'before') return undefined;
    if (fault.delayMs) await pause(fault.delayMs);
    if (fault.status) throw statusFault(fault, asked);
    const reply = await this.cluster.api.reply(request, asked);
    if (!fault.watchError || !reply.stream) return reply;
    const { body } = statusFault({ status: fault.watchError }, asked);
    return {
      ...reply,
      stream: (stream) => stream.end(`${JSON.stringify({ type: 'ERROR', object: body })}\n`),
    };
  }

  #finish(request, response, { reply, fault }) {
    this.answers[reply.status] = (this.answers[reply.status] ?? 0) + 1;
    if (!request.complete) request.resume();
    this.#send(response, reply);
    if (fault.dropWatchAfterMs !== undefined && reply.stream) {
      const timer = setTimeout(() => request.socket.destroy(), fault.dropWatchAfterMs);
      response.on('close', () => clearTimeout(timer));
    }
  }

  #send(response, { status, headers = {}, body, stream }) {
    response.setHeader('Audit-Id', randomUUID());
    response.setHeader('Cache-Control', 'no-cache, private');
    const isText = typeof body === 'string';
    if (!stream && status !== 204 && !('Content-Type' in headers)) {
      response.setHeader('Content-Type', 'application/json');
    }
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.statusCode = status;
    if (stream) stream(response);
    else response.end(isText ? body : `${JSON.stringify(body)}\n`);
  }
}
