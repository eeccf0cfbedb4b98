#include "accounts/password_rules.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::size_t kMinBytes = 8;
constexpr std::size_t kMaxBytes = 1024;  // argon2 of more is a way to burn our time

// What guessing begins with: the most common passwords of at least kMinBytes, in lower case, with
// a blank or a line end on both sides of each.
constexpr std::string_view kCommon = R"(
!qaz2wsx !qaz@wsx 00000000 000000000 0000000000 01010101 01234567 012345678 0123456789
0987654321 10101010 101010101 10203040 1020304050 102030405060 11111111 111111111
1111111111 11112222 11223344 1122334455 112233445566 12121212 12312312 123123123
1231231234 123321123 12341234 12344321 1234512345 123454321 1234554321 123456123
123456654321 12345678 123456780 123456789 1234567890 12345678901 123456789012 1234567891
12345678910 123456789a 123456789q 12345678a 12345678q 12345679 1234567a 1234567q 1234abcd
123789456 123abc123 123qwe123 123qweasd 123qweasdzxc 13131313 13579246 135792468 147258369
147852369 159357456 159753456 159753852 192837465 1a2b3c4d 1a2s3d4f 1q2w3e4r 1q2w3e4r5t
1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qaz@wsx 1qazse4r 1qazxsw2 1z2x3c4v 20002000 20082008
20102010 20202020 20202021 21212121 22222222 23232323 246813579 27182818 31415926
314159265 321654987 33333333 44444444 456789123 55555555 66666666 69696969 741852963
77777777 789456123 789456321 87654321 88888888 888888888 963852741 987456321 98765432
987654321 9876543210 99999999 999999999 a1234567 a12345678 a123456789 a1b2c3d4 a1b2c3d4e5
a1s2d3f4 aa123456 aa12345678 aa123456789 aaaa1111 aaaaaaaa aaaaaaaaa aabbccdd abc12345
abc123456 abc123456789 abc123abc abcabcabc abcd1234 abcd12345 abcdabcd abcdef123 abcdefg1
abcdefg123 abcdefgh abcdefghi abcdefghij access123 access14 admin123 admin123! admin1234
admin12345 admin123456 admin2020 admin2021 admin2022 admin2023 admin2024 admin2025
admin888 admin@123 admin_admin adminadmin administrador administrateur administrator
administrator1 adminpass adminpassword alexander alexander1 alexandra andrew123 angel123
angels123 ansible123 anthony1 anthony123 arsenal1 arsenal123 asd123456 asdasd123 asdasdasd
asdf1234 asdfasdf asdfghjk asdfghjkl asdfghjkl1 asdfjkl; asdfqwer asdfzxcv ashley12
ashley123 asshole1 autumn2020 autumn2021 autumn2022 autumn2023 autumn2024 autumn2025
azerty123 azertyui azertyuiop babyboy1 babygirl babygirl1 babygirl12 bailey123 barcelona
barcelona1 baseball baseball1 baseball12 basketball basketball1 batman123 batman1234
beautiful beautiful1 benjamin benjamin1 bigdaddy bigdick1 blackberry blessed1 blink182
blueberry brooklyn brooklyn1 budweiser bulldog1 bulldogs bullshit buster123 butterfly
butterfly1 california california1 callofduty carolina centos123 challenge champion
champion1 change-me change_me changeit changeit1 changeme changeme! changeme1 changeme123
changepassword changethis charlie1 charlie123 cheesecake chelsea1 chelsea123 chevrolet
chicago1 chicago123 chocolate chocolate1 christ123 christian christian1 christopher
coffee123 computer computer1 computer123 container containers cookie123 corvette corvette1
counterstrike cowboys1 creative creative1 cupcake1 cupcake123 daniel12 daniel123 danielle
danielle1 database database1 database123 debian123 december december1 default1 default123
defaultpass defaultpassword demo1234 demodemo deutschland diamond1 diamond123
docker-registry docker123 docker1234 dockerdocker dolphin1 dolphins dolphins1 download
downloads dragon12 dragon123 dragonball dragonballz dragons1 drowssap eagles123 einstein
electric elephant elephant1 elizabeth elizabeth1 eminem123 enterprise everything explorer
facebook facebook1 fantasia february1 ferrari1 firewall football football1 football12
football123 forever1 forever21 foreverlove fortnite123 freedom1 freedom123 friday13
fuckoff1 fuckyou! fuckyou1 fuckyou123 fuckyou2 gabriel1 gabriela gandalf1 gandalf123
gateway1 george123 germany1 ginger123 github123 gitlab123 godfather godisgood goldfish
goodluck goodmorning google123 google1234 gorgeous guest123 guest1234 guestguest
gymnastics hallo123 hallo1234 hallowelt hardcore harley123 harleydavidson harrypotter
heaven123 hello123 hello1234 hello12345 hello_world hellohello helloworld helloworld1
hercules hockey123 hogwarts holdfast holdfast1 holdfast123 hotmail1 hunter12 hunter123
hurricane icecream icecream1 ilovegod iloveme1 iloveu123 iloveyou iloveyou! iloveyou1
iloveyou12 iloveyou123 iloveyou2 iloveyou3 iloveyousomuch iloveyouu independent india123
india1234 infinity internet internet1 internet123 ironman123 isabella jackdaniels january1
jenkins1 jenkins123 jenkinsci jennifer jennifer1 jessica1 jessica123 jesus123 jesuschrist
jonathan jonathan1 jordan123 jordan23 joshua123 juventus juventus1 killer12 killer123
killer1234 knowledge kubernetes kubernetes1 kubernetes123 lakers24 leagueoflegends
letmein! letmein1 letmein12 letmein123 letmein99 letmeinnow lifehack lightning linux1234
liverpool liverpool1 liverpool123 lkjhgfdsa login123 login1234 loginlogin lollipop
lollipop1 london123 lordoftherings lovelove lovelove1 loveme123 loveyou1 maggie12
manchester manutd123 marathon marlboro marlboro1 master12 master123 master1234 mastermind
matrix123 matthew1 maverick maverick1 megaman1 mercedes mercedes1 mercury1 metallica
metallica1 michael1 michael123 michelle michelle1 microsoft microsoft1 midnight midnight1
minecraft minecraft1 minecraft123 mnbvcxz1 mnbvcxza monday123 monkey12 monkey123
monkey1234 monster1 monster123 moonlight motherfucker motorola motorola1 mountain mustang1
mustang123 mylove123 mypassword mypassword1 myspace1 mysql1234 mysqlroot napoleon
naruto123 newpassword newyork1 newyork123 nicholas nicholas1 nintendo nintendo1 nirvana1
nopassword nothing1 nothing123 november november1 october1 oldpassword open_sesame
opensesame oracle123 p@ssw0rd p@ssw0rd! p@ssw0rd1 p@ssw0rd123 p@ssword p@ssword1 pa$$w0rd
pa$$word pa55w0rd pa55word packers1 pakistan1 pakistan123 panther1 panthers paradise
paradise1 paris1234 passion1 passpass passphrase passw0rd passw0rd! passw0rd1 passw0rd123
password password! password#123 password-123 password.123 password0 password00 password01
password1 password1! password11 password12 password123 password1234 password12345
password123456 password2020 password2021 password2022 password2023 password2024
password2025 password2026 password99 password? password@123 password_123 passwords
passwort passwort1 passwort123 patricia patriots patriots1 pepper123 phoenix1 phoenix123
pineapple platinum playstation poiuytrewq pokemon1 pokemon123 porsche1 postgres postgres1
postgres123 postgresql precious precious1 prince123 princesa princess princess1 princess12
princess123 pumpkin1 q1234567 q12345678 q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 qazwsx123
qazwsxedc qazwsxedcrfv qqqqqqqq qwaszx12 qwe12345 qwe123456 qweasd123 qweasdzxc qweqwe123
qweqweqwe qwer1234 qwerasdf qwerasdfzxcv qwert123 qwert1234 qwert12345 qwerty1! qwerty12
qwerty123 qwerty1234 qwerty12345 qwerty123456 qwerty99 qwertyqwerty qwertyui qwertyuio
qwertyuiop qwertyuiop123 qwertzui qwertzuiop rainbow1 rainbow123 ranger123 realmadrid
redis1234 redskins redsox04 registry registry1 registry123 remember remember1 robert123
rocknroll rockstar rockstar1 root1234 root12345 rootadmin rootpass rootpassword rootroot
runescape runescape1 samantha samantha1 samsung1 samsung123 sasuke123 savannah schalke04
scooby12 scoobydoo scorpion scorpion1 secret12 secret123 secret1234 secretpassword
security security1 security123 september september1 serenity shadow12 shadow123 shadow1234
simpsons skateboard skywalker slipknot slipknot1 snickers snickers1 snowboard snowboard1
soccer12 soccer123 softball softball1 soldier1 something1 sparky123 spiderman spiderman1
spiderman123 spring2020 spring2021 spring2022 spring2023 spring2024 spring2025 stanford
starcraft starcraft1 stardust stargate startrek startrek1 starwars starwars1 starwars123
steelers steelers1 stephanie strawberry strawberry1 streetball summer12 summer123
summer2020 summer2021 summer2022 summer2023 summer2024 summer2025 sunflower sunflower1
sunshine sunshine1 sunshine12 sunshine123 superadmin superman superman1 superman123
supernova supersecret superuser sweetheart sweetie1 swimming swordfish sysadmin sysadmin1
taylor13 teddybear temp1234 temporary temporary1 temppassword terminator terminator1
terrapin test1234 test12345 test123456 test_test tester123 testing1 testing123
testpassword testtest thepassword thomas123 thunder1 thunder123 thursday tiger123 tigger12
tigger123 timberlake titanic1 titanium toor1234 topsecret treasure trinity1 trustno1
trustno1! trustnoone tweety12 ubuntu123 universal unknown1 user1234 user12345 username
username1 username123 userpassword useruser vagrant1 vagrant123 vagrantvagrant valentin
valentine vampire1 vanessa1 veronica victoria victoria1 vikings1 virginia volcano1
volkswagen volleyball warcraft1 warrior1 warriors welcome! welcome01 welcome1 welcome12
welcome123 welcome1234 welcome2020 welcome2021 welcome2022 welcome2023 welcome2024
welcome2025 welcome@123 whatever whatever1 whatever123 whiskey1 william1 wilson123
windows1 windows10 windows123 winter123 winter2020 winter2021 winter2022 winter2023
winter2024 winter2025 wolfpack woodland wordpass wrestling1 wwwwwwww xxxxxxxx yamaha123
yankees1 yellow12 yellow123 yourpassword youtube1 youtube123 z1x2c3v4 zaq12wsx zaq1@wsx
zaq1xsw2 zaq1zaq1 zeppelin zxasqw12 zxcasdqwe zxcv1234 zxcvbnm, zxcvbnm,. zxcvbnm1
zxcvbnm123 zxcvbnmm zxcvzxcv zzzzzzzz
)";

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool is_common(std::string_view lower) {
  if (lower.find_first_of(" \n") != std::string_view::npos) return false;
  for (std::size_t at = kCommon.find(lower); at != std::string_view::npos;
       at = kCommon.find(lower, at + 1)) {
    const char before = kCommon[at - 1];
    const char behind = kCommon[at + lower.size()];
    if ((before == ' ' || before == '\n') && (behind == ' ' || behind == '\n')) return true;
  }
  return false;
}

Error invalid(std::string message) {
  return fail(ErrorCode::invalid, kPasswordInvalid, std::move(message));
}

}  // namespace

Result<void> check_password(std::string_view account, std::string_view password) {
  if (password.size() < kMinBytes || password.size() > kMaxBytes) {
    return invalid(fmt::format("a password has {} to {} bytes", kMinBytes, kMaxBytes));
  }
  const std::string lower = lowered(password);
  if (lower == account) return invalid("a password is not the account's name");
  if (is_common(lower)) {
    return invalid("this is one of the passwords that are guessed first: choose another one");
  }
  return {};
}

}  // namespace holdfast::accounts
