"""Refusals of models against what people write, in fifteen languages."""

import pytest

from kshot.generate.curation.filters import refusal_filter
from kshot.generate.curation.refusals import find_refusal

REFUSALS = """
I'm sorry, but I can't help with that.
I cannot assist with this request.
As an AI language model, I have no opinion.
Unfortunately, I am not able to see the picture.
Well, I don’t have access to the text.
I'm sorry, I can't do that.
I can’t comply with that request.
I'm unable to provide medical advice.
Sorry, but I cannot generate that content.
I cannot and will not provide instructions for making explosives.
I must respectfully decline to answer that question.
I'm not comfortable writing that.
It goes against my programming to take sides.
I'm just an AI and have no feelings.
I won't be able to fulfill your request.
I apologize, but I cannot create content that promotes violence.
I don't have enough information to answer the question.
That is not something I can help with.
I'm not able to engage in discussions about this.
I don't have personal opinions or beliefs.
I’d be happy to talk about something else, but I can’t help you with creating malware.
**I can't assist with that.**
"I'm sorry, but I can't help with that."
I cannot answer this question.
Es tut mir leid, aber dabei kann ich nicht helfen.
Als KI-Sprachmodell habe ich keine Meinung.
Ich kann Ihnen dabei leider nicht weiterhelfen.
Ich kann diese Anfrage leider nicht beantworten.
Ich kann keine medizinischen Ratschläge geben.
Je suis désolé, mais je ne peux pas vous aider avec cela.
En tant que modèle de langage, je n'ai pas d'opinion.
Je ne peux pas répondre à cette demande.
Désolé, je ne suis pas en mesure de fournir ce type de contenu.
Lo siento, pero no puedo ayudarte con eso.
Como modelo de lenguaje, no tengo opiniones.
Lo siento, no puedo cumplir con esta solicitud.
No puedo proporcionar información sobre ese tema.
Mi dispiace, ma non posso aiutarti con questo.
In quanto modello linguistico, non ho opinioni.
Mi dispiace, non posso soddisfare questa richiesta.
Desculpe, mas não posso ajudar com isso.
Como um modelo de linguagem, não tenho opiniões.
Sinto muito, mas não posso atender a essa solicitação.
Het spijt me, maar daar kan ik je niet mee helpen.
Als AI-taalmodel heb ik geen mening.
Sorry, ik kan niet aan dit verzoek voldoen.
Het spijt me, maar ik kan je hier niet bij helpen.
Извините, но я не могу помочь с этим.
Как языковая модель, я не имею мнения.
Я не могу выполнить этот запрос.
К сожалению, я не могу предоставить такую информацию.
很抱歉,我无法协助满足您的这个请求。
抱歉，我无法回答这个问题。
作为一个人工智能语言模型，我没有个人观点。
对不起，我不能提供这类信息。
抱歉，我無法提供協助。
申し訳ありませんが、そのリクエストにはお応えできません。
AIとして、個人的な意見はありません。
申し訳ございませんが、お手伝いできません。
そのような情報は提供できません。
عذراً، لا أستطيع مساعدتك في ذلك.
بصفتي نموذج لغوي، ليس لدي آراء.
آسف، لا يمكنني تلبية هذا الطلب.
لا يمكنني تقديم معلومات حول هذا الموضوع.
I'm sorry, but I cannot fulfill that request.
I am unable to assist you with that.
Sorry, I can't assist with this.
I'm really sorry, but I can't help you with that request.
I can't provide information or guidance on illegal or harmful activities.
I'm not able to provide that information.
I cannot create explicit content.
I cannot write a story that depicts violence against children.
As a language model, I can't browse the internet.
I am an AI assistant and cannot give medical advice.
I'm sorry, I cannot provide a summary of this text.
I'm sorry, but I can't answer that.
I'm sorry, but I'm unable to process your request.
I can't discuss that topic.
I don't have the ability to access external websites.
I apologize, but I'm not able to help with that request.
My apologies, but I can't assist with that.
I won't help with that.
I'm sorry, but I can't continue this conversation.
I'm an AI developed by OpenAI and I don't have feelings.
Unfortunately, I cannot help with that request.
I must decline this request.
I'm sorry, but I can't share that information.
Entschuldigung, aber ich kann Ihnen bei dieser Anfrage nicht helfen.
Es tut mir leid, aber ich kann dir dabei nicht helfen.
Leider kann ich diese Frage nicht beantworten.
Ich bin eine KI und habe keine Gefühle.
Das kann ich leider nicht tun.
Leider kann ich dir nicht helfen.
Ich kann leider keine Inhalte erstellen, die Gewalt verherrlichen.
Tut mir leid, dazu kann ich nichts sagen.
Es tut mir leid, ich kann diesen Text nicht schreiben.
Désolé, mais je ne peux pas répondre à cette question.
Je regrette, mais je ne peux pas vous aider.
En tant qu'IA, je n'ai pas de sentiments.
Je suis désolée, je ne peux pas t'aider avec ça.
Je ne peux pas fournir d'informations sur ce sujet.
Je ne peux pas accéder à votre demande.
Lo siento, pero no puedo ayudar con esa solicitud.
Lo siento, no puedo responder a esa pregunta.
Como inteligencia artificial, no tengo sentimientos.
No puedo generar contenido de ese tipo.
Lo siento, pero no puedo hacer eso.
Mi dispiace, non posso aiutarti.
Come intelligenza artificiale, non posso provare emozioni.
Spiacente, ma non posso rispondere a questa domanda.
Non posso fornire consigli medici.
Desculpe, não posso ajudar com essa solicitação.
Como uma inteligência artificial, eu não tenho sentimentos.
Lamento, mas não posso responder a essa pergunta.
Não posso fornecer informações sobre isso.
Het spijt me, maar ik kan je daar niet bij helpen.
Sorry, daar kan ik niet bij helpen.
Ik kan deze vraag niet beantwoorden.
Ik kan geen medisch advies geven.
抱歉，我不能帮助你完成这个请求。
很抱歉，我无法提供这方面的信息。
对不起，我无法协助您。
作为AI助手，我不能这样做。
我是一个AI语言模型，没有感情。
抱歉，我无法继续这个对话。
抱歉，我不能回答。
申し訳ありませんが、その質問にはお答えできません。
申し訳ございませんが、そのご要望にはお応えできかねます。
すみませんが、それはお手伝いできません。
私はAIなので、感情はありません。
AI言語モデルとして、医療アドバイスは提供できません。
ごめんなさい、それについてはお答えできません。
К сожалению, я не могу ответить на этот вопрос.
Я искусственный интеллект и не имею чувств.
Простите, но я не могу вам с этим помочь.
Извините, я не могу помочь вам с этой просьбой.
Как ИИ, я не могу давать медицинские советы.
Я не могу с этим помочь.
أعتذر، لكن لا أستطيع المساعدة في هذا الطلب.
كنموذج لغوي، لا أملك مشاعر.
آسف، لا أستطيع الإجابة على هذا السؤال.
عذرًا، لا يمكنني مساعدتك في هذا.
لا أستطيع تقديم نصائح طبية.
죄송하지만 그 요청은 도와드릴 수 없습니다.
Przykro mi, ale nie mogę w tym pomóc.
Üzgünüm, bu konuda yardımcı olamam.
मुझे खेद है, लेकिन मैं इसमें मदद नहीं कर सकता।
""".strip().splitlines()

PEOPLE = """
I'm sorry, but I can't log in to my account.
I can't help laughing at the show.
He said he was sorry.
Sort the words.
I cannot swim.
Rewrite: 'sorry' in capital letters.
I can't help but notice that the lid is broken.
I'm sorry to bother you, but my parcel has not come.
I am sorry for the late reply, I was on holiday.
Unfortunately, I am not able to complete my order, the page freezes.
I'm unable to open the attachment that you sent.
I don't have access to my old e-mail address anymore.
I cannot create an account with my phone number.
I can't provide a receipt, because I lost it.
My apologies, I sent the wrong file.
I won't give this product another chance.
I can't do this anymore, please cancel my contract.
I cannot answer the phone right now.
As an AI researcher I read a lot of papers.
I am an AI engineer from Lyon and need an invoice.
I can't write to the disk since the update.
Your chatbot told me "I'm sorry, but I can't help with that" and hung up.
The bot replied that it is an AI and that I should call.
Sorry, I can't make it to the meeting on Tuesday.
I cannot complete the checkout, it asks for my card twice.
I'm not able to help my son with his homework, so I need a tutor.
I cannot help you move on Saturday.
I can't generate the report, the button is grey. Can you help with this?
I don't have enough information about the warranty.
My phone is unable to connect to the network.
I must decline your invitation, I am abroad.
We can't provide enough water for the plants.
I'm sorry I can't come; I am in bed with a cold.
Es tut mir leid, aber ich kann mich nicht einloggen.
Ich kann meine Rechnung nicht finden.
Ich kann Ihnen die Kundennummer leider nicht nennen.
Als KI-Forscherin suche ich eine Stelle.
Je suis désolé, mais je ne peux pas me connecter à mon compte.
Je ne peux pas ouvrir la pièce jointe.
Je ne peux pas vous donner mon numéro de client.
Lo siento, pero no puedo entrar en mi cuenta.
No puedo descargar la factura.
Mi dispiace, ma non riesco ad accedere al mio conto.
Non posso aprire il file allegato.
Desculpe, mas não consigo acessar a minha conta.
Não posso abrir o anexo.
Het spijt me, maar ik kan niet inloggen.
Ik kan mijn factuur niet vinden.
Извините, но я не могу войти в свой аккаунт.
Я не могу открыть файл.
很抱歉，我无法登录我的账户。
我不能去开会。
申し訳ありませんが、ログインできません。
ファイルを開くことができません。
عذراً، لا أستطيع تسجيل الدخول إلى حسابي.
لا يمكنني فتح الملف.
I'm sorry but I can't find my order number.
I'm sorry, I don't speak German.
I'm so sorry for your loss.
I can't believe how good this is!
I cannot recommend this place enough.
I can't help you if you don't send me the invoice.
I am unable to attend the meeting because of this question of my visa.
I can't provide my ID because it was stolen.
I can't give you more than three stars.
I can't write a review without an account.
I can't share my screen in the app.
I cannot complete this level of the game.
I can't answer all these e-mails.
Apologies for the delay, I was ill.
I apologize for the confusion, my address is 12 Main Street.
Unfortunately I can only pay next month.
I don't have access to the internet at my cabin.
I do not have the ability to drive at night.
I was told by your assistant that you cannot help with this, is that true?
Why can't you help me with that?
You said you cannot assist with this request, but it's in my contract.
As an artist, I can't stand this.
I'm a model and can't help with that shoot on Monday.
Unfortunately I am not able to do the task tomorrow.
I can't process a refund request in the portal.
I am not able to give blood.
I can't make a video call.
I can't discuss my salary.
I can't create a new folder.
Als Kunde kann ich das nicht akzeptieren.
Ich kann nicht mehr, helfen Sie mir bitte dabei.
Es tut mir leid, ich kann morgen nicht kommen.
Ich kann das Formular nicht ausfüllen.
Ich kann diese Frage im Formular nicht überspringen.
Como cliente, no puedo aceptar eso.
No puedo creer lo bueno que es.
Como ia dizendo, a entrega atrasou.
No puedo ayudar a mi madre con su teléfono.
Je ne peux pas m'empêcher de rire.
Je ne peux pas venir demain.
Non posso fare a meno di ridere.
Sono un assistente sociale e non posso venire.
Não posso deixar de rir.
Ik kan niet wachten!
Не могу удержаться от смеха.
Я не могу помочь маме с телефоном.
我忍不住笑了。
我无法完成付款。
我不能处理退货，请帮助我。
この質問の意味がわかりません。
支払いができません。
お手伝いできることがあれば教えてください。
أنا لا أستطيع الانتظار.
لا أستطيع الدخول، أرجو المساعدة في ذلك.
""".strip().splitlines()


@pytest.mark.parametrize("text", REFUSALS)
def test_find_refusal_finds_what_models_write(text: str) -> None:
    assert find_refusal(text)


@pytest.mark.parametrize("text", PEOPLE)
def test_find_refusal_passes_what_people_write(text: str) -> None:
    assert find_refusal(text) is None


def test_a_refusal_is_found_after_other_sentences_but_not_where_it_is_quoted() -> None:
    assert find_refusal("Good question. I cannot provide legal advice, though.") == "I cannot provide legal advice"
    assert find_refusal("Label the reply.\nReply: “I can't help with that.”\nrefusal") is None
    assert find_refusal("Step 1: read the text. I'm sorry, but I can't continue with this request.")


def test_refusal_filter_names_the_phrase() -> None:
    assert refusal_filter("Sure. I can’t help with that.") == 'refusal: "I can\'t help with that"'
