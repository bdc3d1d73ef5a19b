/** Logging in and out by password. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Logger } from '../../core/runtime/log.ts';
import type { FormTokens } from './guard.ts';
import { askerOf, STRANGER } from './hooks.ts';
import type { Login } from './login.ts';
import { renderLoginPage } from './login-page.ts';
import { messageOf } from './pages.ts';

const LoginForm = z.object({ user: z.string().trim().max(64), password: z.string().max(1000) });

export interface LoginRoutesDeps {
  login: Login;
  tokens: FormTokens;
  hostname: string;
  log: Logger;
}

export function registerLogin(app: FastifyInstance, { login, tokens, hostname, log }: LoginRoutesDeps): void {
  app.get('/login', (request, reply) => {
    const isIn = login.who(askerOf(request)) !== undefined;
    if (isIn || !login.takesPasswords) return reply.redirect('/', 303);
    const page = renderLoginPage({ hostname, token: tokens.of(STRANGER), message: messageOf(request) });
    return reply.type('text/html; charset=utf-8').send(page);
  });

  app.post('/login', async (request, reply) => {
    const form = LoginForm.safeParse(request.body);
    if (!form.success || !login.takesPasswords) return reply.redirect('/login?message=loginWrong', 303);
    const asker = askerOf(request);
    const { user, password } = form.data;
    const outcome = await login.enter(asker, user, password);
    switch (outcome.kind) {
      case 'in':
        log.info({ user, client: asker.remoteAddress }, 'person logged in');
        return reply.header('set-cookie', outcome.cookie).redirect('/', 303);
      case 'wrong':
        log.warn({ client: asker.remoteAddress }, 'login failed');
        return reply.redirect('/login?message=loginWrong', 303);
      case 'limited':
        return reply.redirect('/login?message=loginLimited', 303);
    }
  });

  app.post('/logout', (request, reply) => {
    const cookie = login.leave(askerOf(request));
    return reply.header('set-cookie', cookie).redirect('/login?message=loggedOut', 303);
  });
}
